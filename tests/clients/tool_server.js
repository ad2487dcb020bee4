// The program with the model that follows scripts (make_tool_model.py), and what tests say to it.
import { fileURLToPath } from 'node:url';

import { startServer } from './server.js';

export const model = 'tool-model';

// Where a call must come that is in no script, the model may first think, and would not end.
export function startToolServer(...flags) {
  const file = fileURLToPath(new URL('tool-model.gguf', import.meta.url));
  return startServer('-m', file, '--reasoning-budget', '32', ...flags);
}

// The parameters of the tool that the scripts call.
export const citySchema = {
  type: 'object',
  properties: { city: { type: 'string', description: 'Its name' } },
  required: ['city'],
  additionalProperties: false,
};

export const petSchema = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
  additionalProperties: false,
};

export function weatherIn({ city }) {
  return { Paris: '21 degrees', Rome: '25 degrees' }[city] ?? 'no such city';
}

export const greeting = 'Hello from the scripted model.';
export const thought = 'One thought, another thought, a third one.';

// Until no reply is made any more; the number of those that are.
export async function openSessions(server) {
  for (let tries = 0; ; ++tries) {
    const { counters } = await (await fetch(`${server.url}/cache`)).json();
    if (counters.open_sessions === 0 || tries === 600) return counters.open_sessions;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

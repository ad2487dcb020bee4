// OpenAI's agents kit, over both of OpenAI's dialects.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run, setTracingDisabled, tool } from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';

import { greeting, model, startToolServer, weatherIn } from './tool_server.js';

setTracingDisabled(true);

let server, models;

before(async () => {
  server = await startToolServer();
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
  models = {
    chat: new OpenAIChatCompletionsModel(client, model),
    responses: new OpenAIResponsesModel(client, model),
  };
});

after(async () => assert.equal(await server.stop(), 0));

const called = [];
const getWeather = tool({
  name: 'get_weather',
  description: 'A tool.',
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    called.push(city);
    return weatherIn({ city });
  },
});
const agent = (dialect, more = {}) =>
  new Agent({ name: 'weather', instructions: 'Be short.', model: models[dialect], tools: [getWeather], ...more });

for (const dialect of ['chat', 'responses']) {
  test(`${dialect}: a text, and instructions`, async () => {
    assert.equal((await run(agent(dialect), 'Hello.')).finalOutput, greeting);
    const pirate = agent(dialect, { instructions: 'Talk like a pirate.' });
    assert.equal((await run(pirate, 'Hello.')).finalOutput, 'Arr, matey.');
  });

  test(`${dialect}: tools are run`, async () => {
    called.length = 0;
    const one = await run(agent(dialect), 'What is the weather?');
    assert.equal(one.finalOutput, 'Paris has 21 degrees.');
    assert.deepEqual(called, ['Paris']);
    called.length = 0;
    const two = await run(agent(dialect), 'The weather of both cities?');
    assert.equal(two.finalOutput, 'Paris has 21 degrees, and Rome 25.');
    assert.deepEqual(called.sort(), ['Paris', 'Rome']);
  });

  test(`${dialect}: tools are run in a stream, after a thought`, async () => {
    called.length = 0;
    const stream = await run(agent(dialect), 'Please think about the weather.', { stream: true });
    let text = '';
    for await (const part of stream.toTextStream()) text += part;
    await stream.completed;
    assert.equal(text, 'Paris has 21 degrees.');
    assert.equal(stream.finalOutput, text);
    assert.deepEqual(called, ['Paris']);
  });

  test(`${dialect}: a conversation goes on`, async () => {
    const first = await run(agent(dialect), 'Please remember: Milo.');
    const second = await run(agent(dialect), [...first.history, { role: 'user', content: 'What do you recall?' }]);
    assert.equal(second.finalOutput, 'It was Milo.');
    assert.ok(second.state.usage.inputTokens > 0 && second.state.usage.outputTokens > 0);
  });

  test(`${dialect}: an output of a type`, async () => {
    const outputType = z.object({ name: z.string(), age: z.number().int() });
    const pet = await run(agent(dialect, { tools: [], outputType }), 'A pet, please.');
    assert.deepEqual(pet.finalOutput, { name: 'Milo', age: 3 });
  });
}

test('responses: a conversation goes on by its id', async () => {
  const first = await run(agent('responses'), 'Please remember: Milo.');
  const second = await run(agent('responses'), 'What do you recall?', { previousResponseId: first.lastResponseId });
  assert.equal(second.finalOutput, 'It was Milo.');
});

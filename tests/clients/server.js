// Starts the program that the environment variable BANYAN names, on a free port.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export async function startServer(...flags) {
  const program = process.env.BANYAN;
  if (!program) throw new Error('set BANYAN to the path of the program');
  const child = spawn(program, ['serve', '--port', '0', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let url;
  for await (const line of createInterface({ input: child.stdout })) {
    url = /^banyan: listening on (\S+)$/.exec(line)?.[1];
    if (url) break;
  }
  if (!url) throw new Error('banyan serve ended before it listened');
  child.stdout.resume();
  // Returns the exit code.
  const stop = async () => {
    child.kill('SIGTERM');
    return (await exit)[0];
  };
  return { url, stop };
}

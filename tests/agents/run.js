// Agents that people run, each at one task against the real program: read a file, and write what it says into
// another. usage: run.js PACKAGES [AGENT...]; PACKAGES has node_modules, BANYAN names the program.
//
// The model follows a script (../clients/make_tool_model.py): it calls the agent's tool for reading, then, with the
// colour that the tool's result names, the one for writing. So what is written was read, and sent back, by the agent.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const here = import.meta.dirname;
const colours = ['amber', 'cobalt', 'crimson', 'ivory', 'teal', 'umber'];
const limit = 300; // seconds for one agent; the machine may be busy

const [packages, ...wanted] = process.argv.slice(2);
const program = process.env.BANYAN;
if (!packages || !program) throw new Error('usage: BANYAN=PROGRAM run.js PACKAGES [AGENT...]');
const outside = Object.keys(networkInterfaces()).filter((name) => name !== 'lo');
if (outside.length) throw new Error(`agents run without a network; offline.py takes away ${outside}`);

// --- The script -----------------------------------------------------------------------------------------------

// The pieces of a call, `replyTokens` of them. What varies is in the first, since a piece has one successor.
const replyTokens = 3;

function call([name, args], varying) {
  const json = JSON.stringify(args).replace(/":/g, '": ').replace(/,"/g, ', "');
  const head = `<tool_call>\n{"name": "${name}", "arguments": `;
  const end = '}\n</tool_call>';
  if (!varying) return [head, json, end];
  const cut = json.indexOf(varying) + varying.length;
  return [head + json.slice(0, cut), json.slice(cut), end];
}

function makeModel(path, config, notes, answer) {
  const results = "(messages | selectattr('role', 'equalto', 'tool') | map(attribute='content') | list)";
  const [reader] = config.read(notes);
  const scripts = [
    // What an agent asks besides its task has other tools, or none: a title, a summary.
    { when: `'${reader}' not in names`, say: ['The colour ', 'of the gate'] },
    { when: `${results} | length == 0`, say: call(config.read(notes)) },
    ...colours.map((colour) => ({
      when: `${results} | length == 1 and '${colour}' in ${results}[0]`,
      say: call(config.write(answer, colour), colour),
    })),
    { when: `${results} | length == 1`, say: ['The file ', 'names no colour.'] },
    { when: 'true', say: ['It is ', 'written.'] },
  ];
  const file = `${path}.json`;
  writeFileSync(file, JSON.stringify(scripts));
  const maker = join(here, '../clients/make_tool_model.py');
  const made = spawnSync('python3', ['-B', maker, path, '--scripts', file], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
}

// --- The server -----------------------------------------------------------------------------------------------

async function startServer(model) {
  const child = spawn(program, ['serve', '--port', '0', '-v', '-m', model], { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  const exit = once(child, 'exit');
  let url;
  for await (const line of createInterface({ input: child.stdout })) {
    url = /^banyan: listening on (\S+)$/.exec(line)?.[1];
    if (url) break;
  }
  if (!url) throw new Error(`banyan serve ended before it listened\n${log.join('\n')}`);
  child.stdout.resume();
  const stop = async () => {
    child.kill('SIGTERM');
    return (await exit)[0];
  };
  return { url, log, stop };
}

// The prompts that the server read, as its log tells of them.
function readPrompts(log) {
  const pattern = /session: (\d+) tokens, (\d+) matched, (\d+) restored, (\d+) to evaluate/;
  return log.map((line) => pattern.exec(line)).filter(Boolean).map(([, ...numbers]) => {
    const [tokens, matched, restored, evaluated] = numbers.map(Number);
    return { tokens, matched, restored, evaluated };
  });
}

// --- An agent -------------------------------------------------------------------------------------------------

async function runCommand([name, ...args], { cwd, env }) {
  const child = spawn(join(packages, 'node_modules/.bin', name), args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const output = [];
  child.stdout.on('data', (data) => output.push(data));
  child.stderr.on('data', (data) => output.push(data));
  const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), limit * 1000);
  const [code] = await once(child, 'exit');
  clearTimeout(timer);
  try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it left nobody behind */ }
  return { code, output: Buffer.concat(output).toString() };
}

async function runAgent(name) {
  const { default: config } = await import(`./configs/${name}.js`);
  const folder = mkdtempSync(join(tmpdir(), 'banyan-agent-'));
  const home = join(folder, 'home');
  const work = join(folder, 'work');
  mkdirSync(home);
  mkdirSync(work);
  const notes = join(work, 'notes.txt');
  const answer = join(work, 'answer.txt');
  const colour = colours[Math.floor(Math.random() * colours.length)];
  writeFileSync(notes, `The colour of the gate is ${colour}.\n`);
  const model = join(folder, 'model.gguf');
  makeModel(model, config, notes, answer);

  const server = await startServer(model);
  let ran = { output: '' };
  try {
    const task = `Read ${notes} and write the colour of the gate, and nothing else, into ${answer}.`;
    const given = { url: server.url, home, work, task };
    for (const [path, content] of Object.entries(config.files(given))) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), typeof content === 'string' ? content : JSON.stringify(content, null, 2));
    }
    const env = { PATH: process.env.PATH, HOME: home, TMPDIR: folder, LANG: 'C.UTF-8', NO_COLOR: '1', ...config.env(given) };
    if (config.setup) {
      const setup = await runCommand(config.setup(given), { cwd: work, env });
      assert.equal(setup.code, 0, `its setup failed: ${setup.output}`);
    }
    ran = await runCommand(config.command(given), { cwd: work, env });
    const code = await server.stop();
    assert.equal(code, 0, 'the server ended in order');

    assert.equal(ran.code, 0, 'the agent ended in order');
    assert.ok(readdirSync(work).includes('answer.txt'), 'the tool for writing ran');
    assert.equal(readFileSync(answer, 'utf8').trim(), colour, 'what was read was written');
    assert.match(ran.output, /It is written\./, 'the last reply was shown');
    // The task has three turns. Other prompts (titles, memories) are shorter by more than what a turn adds.
    const prompts = readPrompts(server.log);
    const longest = Math.max(...prompts.map(({ tokens }) => tokens));
    const turns = prompts.filter(({ tokens }) => tokens > 0.8 * longest);
    assert.ok(turns.length >= 3, `three turns in ${JSON.stringify(prompts)}`);
    for (let i = 1; i < turns.length; ++i) {
      assert.ok(turns[i].restored >= turns[i - 1].tokens + replyTokens, `a turn restored all of the one before in ${JSON.stringify(turns)}`);
    }
    return turns;
  } catch (error) {
    await server.stop();
    const requests = server.log.filter((line) => / (POST|GET|HEAD) |session:| warning | error /.test(line));
    error.message += `\n--- the agent said\n${ran.output.slice(-4000)}\n--- the server said\n${requests.slice(-60).join('\n')}`;
    throw error;
  } finally {
    if (process.env.BANYAN_KEEP) console.log(`kept: ${folder}`);
    else rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const known = readdirSync(join(here, 'configs')).map((file) => file.replace(/\.js$/, ''));
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length) throw new Error(`no such agent: ${unknown}; there are ${known.join(', ')}`);
let failed = 0;
for (const name of wanted.length ? wanted : known) {
  const begin = Date.now();
  try {
    const turns = await runAgent(name);
    const numbers = turns.map(({ tokens, restored }) => `${restored} of ${tokens}`).join(', ');
    console.log(`ok      ${name}: restored ${numbers} tokens; ${Math.round((Date.now() - begin) / 1000)} s`);
  } catch (error) {
    ++failed;
    console.log(`FAILED  ${name}: ${error.message}`);
  }
}
process.exit(failed ? 1 : 0);

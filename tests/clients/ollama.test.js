// Ollama's own client.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Ollama } from 'ollama';

import { citySchema, greeting, model, openSessions, petSchema, startToolServer, thought, weatherIn } from './tool_server.js';

let server, client;

before(async () => {
  server = await startToolServer();
  client = new Ollama({ host: server.url });
});

after(async () => assert.equal(await server.stop(), 0));

const tools = [{ type: 'function', function: { name: 'get_weather', description: 'A tool.', parameters: citySchema } }];
const user = (content) => ({ role: 'user', content });
const chat = (content, more = {}) => client.chat({ model, messages: [user(content)], ...more });
const gather = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
};
const callsOf = (message) => (message.tool_calls ?? []).map((call) => [call.function.name, call.function.arguments]);

test('a chat, whole and streamed', async () => {
  const whole = await chat('Hello.');
  assert.deepEqual(whole.message, { role: 'assistant', content: greeting });
  assert.equal(whole.done, true);
  assert.equal(whole.done_reason, 'stop');
  assert.ok(whole.model && whole.created_at);
  for (const field of ['prompt_eval_count', 'eval_count', 'total_duration', 'eval_duration']) {
    assert.ok(whole[field] > 0, field);
  }
  const parts = await gather(await chat('Hello.', { stream: true }));
  assert.ok(parts.length > 2);
  assert.equal(parts.map((part) => part.message.content).join(''), greeting);
  assert.deepEqual(parts.map((part) => part.done), parts.map((_, i) => i === parts.length - 1));
  assert.equal(parts.at(-1).eval_count, whole.eval_count);
});

test('a call, its result and the answer, whole and streamed', async () => {
  for (const stream of [false, true]) {
    const say = async (messages) => {
      const answer = await client.chat({ model, messages, tools, stream });
      if (!stream) return answer.message;
      const message = { role: 'assistant', content: '', tool_calls: [] };
      for await (const part of answer) {
        message.content += part.message.content;
        message.tool_calls.push(...(part.message.tool_calls ?? []));
      }
      return message;
    };
    const messages = [user('What is the weather?')];
    const first = await say(messages);
    assert.deepEqual(callsOf(first), [['get_weather', { city: 'Paris' }]]);
    messages.push(first, { role: 'tool', tool_name: 'get_weather', content: weatherIn(first.tool_calls[0].function.arguments) });
    assert.equal((await say(messages)).content, 'Paris has 21 degrees.');
  }
});

test('two calls beside each other', async () => {
  const messages = [user('The weather of both cities?')];
  const { message } = await client.chat({ model, messages, tools });
  assert.deepEqual(callsOf(message), [['get_weather', { city: 'Paris' }], ['get_weather', { city: 'Rome' }]]);
  messages.push(message);
  for (const call of message.tool_calls) {
    messages.push({ role: 'tool', tool_name: call.function.name, content: weatherIn(call.function.arguments) });
  }
  assert.equal((await client.chat({ model, messages, tools })).message.content, 'Paris has 21 degrees, and Rome 25.');
});

test('a format is kept to', async () => {
  const pet = await chat('A pet, please.', { format: petSchema });
  assert.deepEqual(JSON.parse(pet.message.content), { name: 'Milo', age: 3 });
  const kept = await chat('Hello.', { format: petSchema, options: { num_predict: 200 } });
  assert.deepEqual(Object.keys(JSON.parse(kept.message.content)), ['name', 'age']);
  const json = await chat('A pet, please.', { format: 'json' });
  assert.deepEqual(JSON.parse(json.message.content), { name: 'Milo', age: 3 });
  const generated = await client.generate({ model, prompt: 'A pet, please.', format: petSchema });
  assert.deepEqual(JSON.parse(generated.response), { name: 'Milo', age: 3 });
});

test('thoughts are apart from the text', async () => {
  const whole = await chat('Please think.', { think: true });
  assert.equal(whole.message.thinking, thought);
  assert.equal(whole.message.content, 'Thought through.');
  const parts = await gather(await chat('Please think.', { think: true, stream: true }));
  assert.equal(parts.map((part) => part.message.thinking ?? '').join(''), thought);
  assert.equal(parts.map((part) => part.message.content).join(''), 'Thought through.');
  const off = await chat('Please think.', { think: false });
  assert.equal(off.message.content, 'Not thought through.');
  const messages = [user('Please think.'), whole.message, user('Hello.')];
  assert.equal((await client.chat({ model, messages, think: true })).message.content, greeting);
  const generated = await client.generate({ model, prompt: 'Please think.', think: true });
  assert.equal(generated.thinking, thought);
});

test('texts are generated', async () => {
  const whole = await client.generate({ model, prompt: 'Hello.' });
  assert.equal(whole.response, greeting);
  assert.equal(whole.done_reason, 'stop');
  assert.ok(whole.context.length > 0);
  const parts = await gather(await client.generate({ model, prompt: 'Hello.', stream: true }));
  assert.equal(parts.map((part) => part.response).join(''), greeting);
  const pirate = await client.generate({ model, prompt: 'Hello.', system: 'Talk like a pirate.' });
  assert.equal(pirate.response, 'Arr, matey.');
  const cut = await client.generate({ model, prompt: 'Hello.', options: { num_predict: 2, temperature: 0, seed: 1, num_ctx: 4096 }, keep_alive: '5m' });
  assert.equal(cut.done_reason, 'length');
  const raw = await client.generate({ model, prompt: '<|im_start|>assistant\n', raw: true });
  assert.equal(raw.response, '');
});

test('the model is listed, shown and pulled', async () => {
  const named = (name) => name === model || name === `${model}:latest`;
  const { models } = await client.list();
  assert.equal(models.length, 1);
  assert.ok(named(models[0].name) && named(models[0].model));
  assert.ok(models[0].size > 0 && models[0].details);
  const running = (await client.ps()).models;
  assert.ok(named(running[0].name));
  const shown = await client.show({ model });
  assert.ok(shown.capabilities.includes('tools') && shown.capabilities.includes('thinking'), shown.capabilities);
  assert.ok(shown.details && shown.model_info && shown.template);
  assert.equal((await client.pull({ model })).status, 'success');
  const parts = await gather(await client.pull({ model, stream: true }));
  assert.equal(parts.at(-1).status, 'success');
  const { version } = await client.version();
  assert.match(version, /^\d+\.\d+\.\d+$/);
});

test('errors are texts', async () => {
  await assert.rejects(client.pull({ model: 'other-model' }), /other-model/);
  await assert.rejects(chat('Hello.', { options: { temperature: 'hot' } }), (error) => {
    assert.equal(error.status_code, 400);
    return /temperature/.test(error.message);
  });
  const small = await startToolServer('--ctx', '512');
  const short = new Ollama({ host: small.url });
  await assert.rejects(short.chat({ model, messages: [user('word '.repeat(2000))] }), /exceeds the available context size/);
  assert.equal(await small.stop(), 0);
});

test('an aborted stream stops the work', async () => {
  const stream = await chat('Go on forever.', { stream: true });
  let count = 0;
  await assert.rejects(async () => {
    for await (const _ of stream) {
      if (++count === 3) stream.abort();
    }
  }, { name: 'AbortError' });
  assert.equal(await openSessions(server), 0);
});

// OpenAI's own client against a real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI from 'openai';

import { startServer } from './server.js';

let server, client;

before(async () => {
  server = await startServer();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});

after(async () => assert.equal(await server.stop(), 0));

const model = 'tally-qwen3-q8_0';
const user = (content) => ({ role: 'user', content });
const chat = (content, more = {}) => ({ model, messages: [user(content)], temperature: 0, ...more });

test('a chat remembers, and its usage says what was restored', async () => {
  const messages = [user('My cat is called Milo. The code for the red gate is 4821.')];
  const first = await client.chat.completions.create({ model, messages, temperature: 0 });
  messages.push(first.choices[0].message, user('What is my cat called?'));
  const second = await client.chat.completions.create({ model, messages, temperature: 0 });
  assert.equal(second.choices[0].message.content, 'Your cat is called Milo.');
  assert.equal(second.choices[0].finish_reason, 'stop');
  // All of the first turn but its last token, which was never evaluated.
  assert.equal(second.usage.prompt_tokens_details.cached_tokens, first.usage.total_tokens - 1);
  assert.equal(second.usage.total_tokens, second.usage.prompt_tokens + second.usage.completion_tokens);
});

test('a stream says the same as a whole answer', async () => {
  const request = chat('Count from 5 to 16.');
  const whole = await client.chat.completions.create(request);
  const stream = await client.chat.completions.create({
    ...request, stream: true, stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  assert.equal(new Set(chunks.map((chunk) => chunk.created)).size, 1);
  assert.deepEqual(chunks.at(-2).choices[0].delta, {});
  assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, whole.usage.completion_tokens);
});

test('the client\'s own stream helper puts the answer together', async () => {
  const stream = client.chat.completions.stream(chat('What is 3 plus 4?'));
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].message.content, '3 plus 4 is 7.');
});

test('several choices, stop words, limits and log-probabilities', async () => {
  const many = await client.chat.completions.create(
    chat('Hello.', { n: 3, seed: 1, temperature: 1, max_completion_tokens: 5 }));
  assert.deepEqual(many.choices.map((choice) => choice.index), [0, 1, 2]);
  const stopped = await client.chat.completions.create(chat('Count from 5 to 16.', { stop: [', 8'] }));
  assert.equal(stopped.choices[0].message.content, '5, 6, 7');
  const cut = await client.chat.completions.create(
    chat('Count from 5 to 16.', { max_tokens: 2, logprobs: true, top_logprobs: 2 }));
  assert.equal(cut.choices[0].finish_reason, 'length');
  assert.equal(cut.choices[0].logprobs.content.length, 2);
  assert.equal(cut.choices[0].logprobs.content[0].top_logprobs.length, 2);
});

test('an answer keeps to a JSON Schema', async () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 12 }, age: { type: 'integer', minimum: 1, maximum: 30 } },
    required: ['name', 'age'],
    additionalProperties: false,
  };
  const format = (json_schema) => ({ response_format: { type: 'json_schema', json_schema }, max_tokens: 100 });
  const answer = await client.chat.completions.parse(
    chat('My cat is called Milo.', format({ name: 'pet', strict: true, schema })));
  const { name, age } = answer.choices[0].message.parsed;
  assert.ok(name.length <= 24 && age >= 1 && age <= 30, JSON.stringify({ name, age }));
  const wrong = chat('Hello.', format({ name: 'pet', strict: true, schema: { properties: { age: { not: { format: 'date' } } } } }));
  await assert.rejects(client.chat.completions.create(wrong), (error) => {
    assert.equal(error.param, 'response_format.json_schema.schema');
    assert.match(error.message, /properties\/age\/not/);
    return true;
  });
});

test('completions, of several prompts, whole and streamed', async () => {
  const request = { model, prompt: ['The code for the', 'My cat is'], max_tokens: 5, temperature: 0, echo: true };
  const whole = await client.completions.create(request);
  assert.equal(whole.choices.length, 2);
  assert.ok(whole.choices[1].text.startsWith('My cat is'));
  const texts = ['', ''];
  for await (const chunk of await client.completions.create({ ...request, stream: true })) {
    texts[chunk.choices[0].index] += chunk.choices[0].text;
  }
  assert.deepEqual(texts, whole.choices.map((choice) => choice.text));
});

test('models are listed and found', async () => {
  const ids = [];
  for await (const found of client.models.list()) ids.push(found.id);
  assert.deepEqual(ids, [model]);
  assert.equal((await client.models.retrieve(model)).object, 'model');
  await assert.rejects(client.models.retrieve('other'), OpenAI.NotFoundError);
});

test('errors are the client\'s own, and name the field', async () => {
  await assert.rejects(client.chat.completions.create(chat('hi', { temperature: 'hot' })), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, 'temperature');
    assert.equal(error.type, 'invalid_request_error');
    return true;
  });
  await assert.rejects(client.completions.create({ model, prompt: Array(10000).fill(300) }), (error) => {
    assert.equal(error.status, 400);
    assert.equal(error.type, 'exceed_context_size_error');
    assert.equal(error.error.n_prompt_tokens, 10000);
    return true;
  });
});

test('an aborted stream stops the work', async () => {
  const stream = await client.chat.completions.create(chat('Hello.', { stream: true, ignore_eos: true }));
  let chunks = 0;
  for await (const _ of stream) {
    if (++chunks === 3) stream.controller.abort();
  }
  let open;
  for (let tries = 0; tries < 600; ++tries) {
    open = (await (await fetch(`${server.url}/cache`)).json()).counters.open_sessions;
    if (open === 0) break;
    await sleep(50);
  }
  assert.equal(open, 0);
});

test('a busy server is tried again', async () => {
  const small = await startServer('--parallel', '1', '--queue', '0');
  const patient = new OpenAI({ baseURL: `${small.url}/v1`, apiKey: 'none', maxRetries: 2 });
  const hasty = new OpenAI({ baseURL: `${small.url}/v1`, apiKey: 'none', maxRetries: 0 });
  const stream = await hasty.chat.completions.create(chat('Hello.', { stream: true, ignore_eos: true }));
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  await sleep(200);
  await assert.rejects(hasty.chat.completions.create(chat('Hello.')), (error) => {
    assert.equal(error.status, 503);
    assert.equal(error.headers.get('retry-after'), '1');
    return true;
  });
  const waiting = patient.chat.completions.create(chat('What is 3 plus 4?'));
  await sleep(100);
  stream.controller.abort();
  assert.equal((await waiting).choices[0].message.content, '3 plus 4 is 7.');
  assert.equal(await small.stop(), 0);
});

test('a key is asked for', async () => {
  const locked = await startServer('--api-key', 'secret');
  const options = { baseURL: `${locked.url}/v1`, maxRetries: 0 };
  await assert.rejects(new OpenAI({ ...options, apiKey: 'wrong' }).models.list(), OpenAI.AuthenticationError);
  assert.equal((await new OpenAI({ ...options, apiKey: 'secret' }).models.list()).data.length, 1);
  assert.equal(await locked.stop(), 0);
});

// OpenAI's own client, chat completions: tools, structured output and thoughts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import OpenAI from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { citySchema, greeting, model, openSessions, petSchema, startToolServer, thought, weatherIn } from './tool_server.js';

let server, client;

before(async () => {
  server = await startToolServer();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});

after(async () => assert.equal(await server.stop(), 0));

const fn = (name, parameters) => ({ type: 'function', function: { name, description: 'A tool.', parameters } });
const tools = [
  fn('get_weather', citySchema),
  fn('get_time', { type: 'object', properties: { zone: { type: 'string' } }, required: ['zone'] }),
];
const user = (content) => ({ role: 'user', content });
const request = (content, more = {}) => ({ model, messages: [user(content)], ...more });
const create = (content, more) => client.chat.completions.create(request(content, more));
const callsOf = (completion) =>
  (completion.choices[0].message.tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
const results = (message) =>
  message.tool_calls.map((call) => ({
    role: 'tool', tool_call_id: call.id, content: weatherIn(JSON.parse(call.function.arguments)),
  }));

test('a call, its result and the answer', async () => {
  const messages = [user('What is the weather?')];
  const first = await client.chat.completions.create({ model, messages, tools });
  assert.equal(first.choices[0].finish_reason, 'tool_calls');
  const { message } = first.choices[0];
  assert.equal(message.role, 'assistant');
  assert.equal(message.content, null);
  assert.equal(message.tool_calls.length, 1);
  assert.ok(message.tool_calls[0].id);
  assert.equal(message.tool_calls[0].type, 'function');
  assert.deepEqual(callsOf(first), [['get_weather', { city: 'Paris' }]]);
  messages.push(message, ...results(message));
  const second = await client.chat.completions.create({ model, messages, tools });
  assert.equal(second.choices[0].message.content, 'Paris has 21 degrees.');
  assert.equal(second.choices[0].finish_reason, 'stop');
  // The call came back as it was said, so that all but its last token was restored.
  assert.equal(second.usage.prompt_tokens_details.cached_tokens, first.usage.total_tokens - 1);
});

test('a streamed call has its name first, and its arguments piece by piece', async () => {
  const stream = await client.chat.completions.create(
    request('Please announce the weather.', { tools, stream: true, stream_options: { include_usage: true } }));
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const choices = chunks.flatMap((chunk) => chunk.choices);
  assert.equal(choices[0].delta.role, 'assistant');
  assert.equal(choices.map((choice) => choice.delta.content ?? '').join(''), 'Let me look.');
  const deltas = choices.flatMap((choice) => choice.delta.tool_calls ?? []);
  assert.ok(deltas[0].id);
  assert.equal(deltas[0].type, 'function');
  assert.equal(deltas[0].function.name, 'get_weather');
  assert.ok(deltas.every((delta) => delta.index === 0 && typeof delta.function.arguments === 'string'));
  assert.ok(deltas.filter((delta) => delta.function.arguments).length >= 2);
  assert.deepEqual(JSON.parse(deltas.map((delta) => delta.function.arguments).join('')), { city: 'Paris' });
  assert.equal(choices.at(-1).finish_reason, 'tool_calls');
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.completion_tokens > 0);
});

test('two calls beside each other, whole and streamed', async () => {
  const both = [['get_weather', { city: 'Paris' }], ['get_weather', { city: 'Rome' }]];
  const messages = [user('The weather of both cities?')];
  const first = await client.chat.completions.create({ model, messages, tools });
  assert.deepEqual(callsOf(first), both);
  const { message } = first.choices[0];
  assert.notEqual(message.tool_calls[0].id, message.tool_calls[1].id);
  const streamed = await client.chat.completions.stream({ model, messages, tools }).finalChatCompletion();
  assert.deepEqual(callsOf(streamed), both);
  messages.push(message, ...results(message));
  const last = await client.chat.completions.create({ model, messages, tools });
  assert.equal(last.choices[0].message.content, 'Paris has 21 degrees, and Rome 25.');
  const one = await create('The weather of both cities?', { tools, parallel_tool_calls: false });
  assert.deepEqual(callsOf(one), both.slice(0, 1));
});

test('the client runs the tools itself, whole and streamed', async () => {
  const runnable = [{
    type: 'function',
    function: {
      name: 'get_weather', description: 'A tool.', parameters: citySchema, parse: JSON.parse, function: weatherIn,
    },
  }];
  for (const stream of [false, true]) {
    const runner = client.chat.completions.runTools(request('What is the weather?', { tools: runnable, stream }));
    assert.equal(await runner.finalContent(), 'Paris has 21 degrees.');
    assert.equal((await runner.finalFunctionToolCall()).name, 'get_weather');
  }
});

test('a tool choice is kept to', async () => {
  const choose = async (tool_choice) => {
    const completion = await create('Hello.', { tools, tool_choice, max_tokens: 200 });
    return { calls: callsOf(completion), completion };
  };
  const required = await choose('required');
  assert.equal(required.calls.length >= 1, true);
  assert.equal(required.completion.choices[0].finish_reason, 'tool_calls');
  const named = await choose({ type: 'function', function: { name: 'get_time' } });
  assert.equal(named.calls[0][0], 'get_time');
  assert.equal(typeof named.calls[0][1].zone, 'string');
  const allowed = await choose({
    type: 'allowed_tools',
    allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'get_time' } }] },
  });
  assert.equal(allowed.calls[0][0], 'get_time');
  assert.equal((await choose('auto')).completion.choices[0].message.content, greeting);
  const none = await create('What is the weather?', { tools, tool_choice: 'none' });
  assert.equal(none.choices[0].message.tool_calls, undefined);
  await assert.rejects(choose({ type: 'function', function: { name: 'other' } }), OpenAI.BadRequestError);
});

test('what only looks like a call stays text', async () => {
  const completion = await create('This is no call.', { tools });
  assert.equal(completion.choices[0].message.content, 'Look: <tool_cat> is text.');
  assert.equal(completion.choices[0].finish_reason, 'stop');
});

test('structured output is parsed by the client\'s helpers', async () => {
  const Pet = z.object({ name: z.string(), age: z.number().int() });
  const parsed = await client.chat.completions.parse(
    request('A pet, please.', { response_format: zodResponseFormat(Pet, 'pet') }));
  assert.deepEqual(parsed.choices[0].message.parsed, { name: 'Milo', age: 3 });
  const stream = client.chat.completions.stream(
    request('A pet, please.', { response_format: zodResponseFormat(Pet, 'pet') }));
  assert.deepEqual((await stream.finalChatCompletion()).choices[0].message.parsed, { name: 'Milo', age: 3 });
  // A model that would rather greet keeps to the schema as well.
  const kept = await create('Hello.', {
    response_format: { type: 'json_schema', json_schema: { name: 'pet', strict: true, schema: petSchema } },
    max_tokens: 200,
  });
  assert.deepEqual(Object.keys(JSON.parse(kept.choices[0].message.content)), ['name', 'age']);
  const called = await client.chat.completions.parse(
    request('What is the weather?', { tools: [zodFunction({ name: 'get_weather', parameters: z.object({ city: z.string() }) })] }));
  assert.deepEqual(called.choices[0].message.tool_calls[0].function.parsed_arguments, { city: 'Paris' });
});

test('thoughts are apart from the text, and go back into the history', async () => {
  const messages = [user('Please think.')];
  const first = await client.chat.completions.create({ model, messages });
  const { message } = first.choices[0];
  assert.equal(message.reasoning_content, thought);
  assert.equal(message.content, 'Thought through.');
  const deltas = [];
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
    if (chunk.choices[0]) deltas.push(chunk.choices[0].delta);
  }
  assert.equal(deltas.map((delta) => delta.reasoning_content ?? '').join(''), thought);
  assert.equal(deltas.map((delta) => delta.content ?? '').join(''), 'Thought through.');
  assert.ok(deltas.filter((delta) => delta.reasoning_content).length > 1);
  messages.push(message, user('Hello.'));
  const second = await client.chat.completions.create({ model, messages });
  assert.equal(second.usage.prompt_tokens_details.cached_tokens, first.usage.total_tokens - 1);
  const off = await create('Please think.', { reasoning_effort: 'none' });
  assert.equal(off.choices[0].message.content, 'Not thought through.');
  assert.equal(off.choices[0].message.reasoning_content, undefined);
});

test('a thought, and then a call', async () => {
  const messages = [user('Please think about the weather.')];
  const first = await client.chat.completions.create({ model, messages, tools });
  const { message } = first.choices[0];
  assert.equal(message.reasoning_content, 'The user wants the weather.');
  assert.deepEqual(callsOf(first), [['get_weather', { city: 'Paris' }]]);
  messages.push(message, ...results(message));
  const second = await client.chat.completions.create({ model, messages, tools });
  assert.equal(second.choices[0].message.content, 'Paris has 21 degrees.');
  assert.equal(second.usage.prompt_tokens_details.cached_tokens, first.usage.total_tokens - 1);
});

test('histories as agents write them', async () => {
  const call = { id: 'a1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } };
  const history = (assistant, result, more = []) => [
    { role: 'developer', content: 'Be short.' }, user([{ type: 'text', text: 'What is ' }, { type: 'text', text: 'the weather?' }]),
    assistant, { role: 'tool', tool_call_id: 'a1', content: result }, ...more,
  ];
  for (const assistant of [
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'assistant', tool_calls: [call], refusal: null, reasoning_content: 'I look.' },
  ]) {
    for (const result of ['21 degrees', [{ type: 'text', text: '21 degrees' }]]) {
      const answer = await client.chat.completions.create({ model, tools, messages: history(assistant, result) });
      assert.equal(answer.choices[0].message.content, 'Paris has 21 degrees.');
    }
  }
  const messages = [
    { role: 'system', content: 'Be short.' }, user('Please remember: Milo.'), { role: 'assistant', content: 'Understood.', tool_calls: [] },
    { role: 'system', content: 'Now talk like a pirate.' }, user('Ahoy.'),
  ];
  assert.equal((await client.chat.completions.create({ model, messages })).choices[0].message.content, 'Arr, matey.');
});

test('fields without a meaning here are ignored', async () => {
  const completion = await create('Hello.', {
    store: true, metadata: { a: 'b' }, user: 'u', service_tier: 'auto', verbosity: 'low', prompt_cache_key: 'k',
    prompt_cache_retention: '24h', safety_identifier: 's', reasoning_effort: 'low', tools: [], x_unknown: { y: 1 },
  });
  assert.equal(completion.choices[0].message.content, greeting);
});

test('too long a prompt is told in the words that clients know', async () => {
  const small = await startToolServer('--ctx', '512');
  const short = new OpenAI({ baseURL: `${small.url}/v1`, apiKey: 'none', maxRetries: 0 });
  for (const stream of [false, true]) {
    await assert.rejects(short.chat.completions.create(request('word '.repeat(2000), { stream })), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.match(error.message, /exceeds the available context size/);
      assert.equal(error.code, 'context_length_exceeded');
      return true;
    });
  }
  assert.equal(await small.stop(), 0);
});

test('an aborted request stops the work', async () => {
  const abort = new AbortController();
  const whole = client.chat.completions.create(request('Go on forever.'), { signal: abort.signal });
  setTimeout(() => abort.abort(), 200);
  await assert.rejects(whole, OpenAI.APIUserAbortError);
  assert.equal(await openSessions(server), 0);
  const stream = client.chat.completions.stream(request('Go on forever.'));
  let chunks = 0;
  stream.on('content', () => { if (++chunks === 3) stream.abort(); });
  await assert.rejects(stream.done(), OpenAI.APIUserAbortError);
  assert.equal(await openSessions(server), 0);
});

// Anthropic's own client.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { citySchema, greeting, model, openSessions, petSchema, startToolServer, thought, weatherIn } from './tool_server.js';

let server, client;

before(async () => {
  server = await startToolServer();
  client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
});

after(async () => assert.equal(await server.stop(), 0));

const tools = [
  { name: 'get_weather', description: 'A tool.', input_schema: citySchema },
  { type: 'custom', name: 'get_time', input_schema: { type: 'object', properties: { zone: { type: 'string' } }, required: ['zone'] } },
];
const thinking = { type: 'enabled', budget_tokens: 1024 };
const user = (content) => ({ role: 'user', content });
const body = (content, more = {}) => ({ model, max_tokens: 2000, messages: [user(content)], ...more });
const create = (content, more) => client.messages.create(body(content, more));
const textOf = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('');
const callsOf = (message) =>
  message.content.filter((block) => block.type === 'tool_use').map((block) => [block.name, block.input]);
const resultsOf = (message) =>
  user(message.content.filter((block) => block.type === 'tool_use').map((block) => ({
    type: 'tool_result', tool_use_id: block.id, content: weatherIn(block.input),
  })));
const promptTokens = ({ usage }) =>
  usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);

test('a text', async () => {
  const message = await create('Hello.');
  assert.equal(message.type, 'message');
  assert.equal(message.role, 'assistant');
  assert.equal(message.model, model);
  assert.ok(message.id);
  assert.equal(textOf(message), greeting);
  assert.equal(message.stop_reason, 'end_turn');
  assert.equal(message.stop_sequence, null);
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
});

test('a streamed text has all of its events', async () => {
  const events = [];
  for await (const event of await create('Hello.', { stream: true })) {
    if (event.type !== 'ping') events.push(event);
  }
  const types = events.map((event) => event.type);
  assert.deepEqual(types.filter((type, i) => type !== types[i - 1]), [
    'message_start', 'content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop',
  ]);
  assert.ok(promptTokens(events[0].message) > 0);
  const deltas = events.filter((event) => event.type === 'content_block_delta');
  assert.ok(deltas.length > 2);
  assert.equal(deltas.map((event) => event.delta.text).join(''), greeting);
  const end = events.find((event) => event.type === 'message_delta');
  assert.equal(end.delta.stop_reason, 'end_turn');
  assert.ok(end.usage.output_tokens > 0);
  const whole = await client.messages.stream(body('Hello.')).finalMessage();
  assert.equal(textOf(whole), greeting);
});

test('a system text as a string, as blocks, and as a message', async () => {
  const pirate = 'Talk like a pirate.';
  assert.equal(textOf(await create('Hello.', { system: pirate })), 'Arr, matey.');
  const blocks = [{ type: 'text', text: 'Be short.' }, { type: 'text', text: pirate, cache_control: { type: 'ephemeral' } }];
  assert.equal(textOf(await create('Hello.', { system: blocks })), 'Arr, matey.');
  const messages = [user('Hello.'), { role: 'system', content: pirate }];
  assert.equal(textOf(await client.messages.create({ model, max_tokens: 100, messages })), 'Arr, matey.');
});

test('a call, its result and the answer', async () => {
  const messages = [user('What is the weather?')];
  const first = await client.messages.create({ model, max_tokens: 2000, messages, tools });
  assert.equal(first.stop_reason, 'tool_use');
  assert.deepEqual(callsOf(first), [['get_weather', { city: 'Paris' }]]);
  assert.ok(first.content.at(-1).id);
  messages.push({ role: 'assistant', content: first.content }, resultsOf(first));
  const second = await client.messages.create({ model, max_tokens: 2000, messages, tools });
  assert.equal(textOf(second), 'Paris has 21 degrees.');
  assert.equal(second.usage.cache_read_input_tokens, promptTokens(first) + first.usage.output_tokens - 1);
});

test('tool results with parts, and such that tell of an error', async () => {
  const history = (result) => ({
    model, max_tokens: 2000, tools,
    messages: [
      user('What is the weather?'),
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Paris' } }] },
      user([{ type: 'tool_result', tool_use_id: 'toolu_1', ...result }]),
    ],
  });
  const parts = await client.messages.create(history({ content: [{ type: 'text', text: '21' }, { type: 'text', text: ' degrees' }] }));
  assert.equal(textOf(parts), 'Paris has 21 degrees.');
  const failed = await client.messages.create(history({ content: 'no such city', is_error: true }));
  assert.equal(textOf(failed), 'There is no such city.');
  assert.equal(textOf(await client.messages.create(history({}))), 'The tool said something else.');
});

test('a streamed call', async () => {
  const events = [];
  const stream = client.messages.stream(body('Please announce the weather.', { tools }));
  stream.on('streamEvent', (event) => events.push(event));
  const message = await stream.finalMessage();
  assert.equal(textOf(message).trim(), 'Let me look.');
  assert.deepEqual(callsOf(message), [['get_weather', { city: 'Paris' }]]);
  assert.equal(message.stop_reason, 'tool_use');
  const start = events.findLast((event) => event.type === 'content_block_start');
  assert.equal(start.content_block.name, 'get_weather');
  assert.deepEqual(start.content_block.input, {});
  const json = events.filter((event) => event.delta?.type === 'input_json_delta' && event.delta.partial_json);
  assert.ok(json.length >= 2);
  assert.ok(json.every((event) => event.index === start.index));
});

test('two calls beside each other', async () => {
  const messages = [user('The weather of both cities?')];
  const both = [['get_weather', { city: 'Paris' }], ['get_weather', { city: 'Rome' }]];
  const first = await client.messages.create({ model, max_tokens: 2000, messages, tools });
  assert.deepEqual(callsOf(first), both);
  const streamed = await client.messages.stream({ model, max_tokens: 2000, messages, tools }).finalMessage();
  assert.deepEqual(callsOf(streamed), both);
  messages.push({ role: 'assistant', content: first.content }, resultsOf(first));
  const second = await client.messages.create({ model, max_tokens: 2000, messages, tools });
  assert.equal(textOf(second), 'Paris has 21 degrees, and Rome 25.');
  const tool_choice = { type: 'auto', disable_parallel_tool_use: true };
  assert.equal(callsOf(await create('The weather of both cities?', { tools, tool_choice })).length, 1);
});

test('a tool choice is kept to', async () => {
  const choose = (tool_choice) => create('Hello.', { tools, tool_choice, max_tokens: 200 });
  const any = await choose({ type: 'any' });
  assert.ok(callsOf(any).length >= 1);
  assert.equal(any.stop_reason, 'tool_use');
  assert.equal(callsOf(await choose({ type: 'tool', name: 'get_time' }))[0][0], 'get_time');
  assert.equal(textOf(await choose({ type: 'auto' })), greeting);
  assert.equal(callsOf(await create('What is the weather?', { tools, tool_choice: { type: 'none' } })).length, 0);
});

test('the client runs the tools itself, whole and streamed', async () => {
  for (const stream of [false, true]) {
    const runner = client.beta.messages.toolRunner(body('What is the weather?', {
      stream,
      tools: [{ ...tools[0], type: 'custom', run: weatherIn, parse: (input) => input }],
    }));
    if (stream) {
      for await (const part of runner) await part.finalMessage();
    }
    const last = await (stream ? runner.done() : runner.runUntilDone());
    assert.equal(textOf(last), 'Paris has 21 degrees.');
  }
});

test('structured output', async () => {
  const format = { type: 'json_schema', schema: petSchema };
  const message = await create('A pet, please.', { output_config: { format } });
  assert.deepEqual(JSON.parse(textOf(message)), { name: 'Milo', age: 3 });
  const kept = await create('Hello.', { output_config: { format }, max_tokens: 200 });
  assert.deepEqual(Object.keys(JSON.parse(textOf(kept))), ['name', 'age']);
});

test('thoughts are blocks with a signature, and go back', async () => {
  assert.equal(textOf(await create('Please think.')), 'Not thought through.');
  const messages = [user('Please think.')];
  const first = await client.messages.create({ model, max_tokens: 2000, messages, thinking });
  assert.deepEqual(first.content.map((block) => block.type), ['thinking', 'text']);
  assert.equal(first.content[0].thinking, thought);
  assert.ok(first.content[0].signature);
  assert.equal(textOf(first), 'Thought through.');
  const deltas = [];
  const stream = client.messages.stream({ model, max_tokens: 2000, messages, thinking });
  stream.on('streamEvent', (event) => { if (event.type === 'content_block_delta') deltas.push(event.delta); });
  const streamed = await stream.finalMessage();
  assert.equal(streamed.content[0].thinking, thought);
  assert.ok(streamed.content[0].signature);
  assert.ok(deltas.filter((delta) => delta.type === 'thinking_delta').length > 1);
  messages.push({ role: 'assistant', content: first.content }, user('Hello.'));
  const second = await client.messages.create({ model, max_tokens: 2000, messages, thinking });
  assert.equal(textOf(second), greeting);
  assert.equal(second.usage.cache_read_input_tokens, promptTokens(first) + first.usage.output_tokens - 1);
  const adaptive = await create('Please think.', { thinking: { type: 'adaptive' } });
  assert.equal(adaptive.content[0].thinking, thought);
});

test('a thought has as many tokens as its budget', async () => {
  const parts = ['', 'One thought,', 'One thought, another thought,', thought];
  for (const budget of [0, 1, 2, 3]) {
    const reply = await create('Please think.', { thinking: { type: 'enabled', budget_tokens: budget } });
    const said = reply.content.filter((block) => block.type === 'thinking').map((block) => block.thinking);
    assert.equal(said.join(), parts[budget]);
    assert.equal(reply.usage.output_tokens_details.thinking_tokens, budget);
  }
});

test('a thought, and then a call', async () => {
  const messages = [user('Please think about the weather.')];
  const first = await client.messages.create({ model, max_tokens: 2000, messages, tools, thinking });
  assert.deepEqual(first.content.map((block) => block.type), ['thinking', 'tool_use']);
  messages.push({ role: 'assistant', content: first.content }, resultsOf(first));
  const second = await client.messages.create({ model, max_tokens: 2000, messages, tools, thinking });
  assert.equal(textOf(second), 'Paris has 21 degrees.');
});

test('what was cached is counted once', async () => {
  const system = [{ type: 'text', text: 'Facts. '.repeat(50), cache_control: { type: 'ephemeral' } }];
  const first = await create('Hello.', { system });
  assert.ok(first.usage.cache_creation_input_tokens > 0);
  assert.ok(first.usage.input_tokens > 0);
  const other = await create('What is new?', { system });
  assert.ok(other.usage.cache_read_input_tokens >= first.usage.cache_creation_input_tokens);
  assert.equal(other.usage.cache_creation_input_tokens, 0);
  const { input_tokens } = await client.messages.countTokens({ model, system, messages: [user('What is new?')] });
  assert.equal(input_tokens, promptTokens(other));
  // A header that changes with every request does not reach the prompt.
  const billed = (version) => client.messages.countTokens({
    model, messages: [user('Hello.')],
    system: [{ type: 'text', text: `x-anthropic-billing-header: cc_version=${version}` }, { type: 'text', text: 'Facts.' }],
  });
  assert.equal((await billed('1')).input_tokens, (await billed('a much longer one')).input_tokens);
});

test('tokens are counted with tools', async () => {
  const counted = await client.messages.countTokens({ model, messages: [user('Hello.')], tools });
  assert.equal(counted.input_tokens, promptTokens(await create('Hello.', { tools })));
});

test('stop sequences and limits', async () => {
  const stopped = await create('Hello.', { stop_sequences: [' model'] });
  assert.equal(textOf(stopped), 'Hello from the scripted');
  assert.equal(stopped.stop_reason, 'stop_sequence');
  assert.equal(stopped.stop_sequence, ' model');
  const cut = await create('Hello.', { max_tokens: 2 });
  assert.equal(cut.stop_reason, 'max_tokens');
});

test('fields without a meaning here are ignored', async () => {
  const message = await client.beta.messages.create({
    ...body('Hello.', { metadata: { user_id: 'u' }, service_tier: 'auto', tools: [
      { ...tools[0], defer_loading: true, eager_input_streaming: true, cache_control: { type: 'ephemeral' } },
      { type: 'web_search_20250305', name: 'web_search' },
    ] }),
    betas: ['some-beta-2026-01-01'], context_management: { edits: [] },
  });
  assert.equal(textOf(message), greeting);
});

test('models are listed', async () => {
  const ids = [];
  for await (const found of client.models.list()) ids.push(found.id);
  assert.deepEqual(ids, [model]);
  assert.equal((await client.models.retrieve(model)).type, 'model');
  await assert.rejects(client.models.retrieve('other'), Anthropic.NotFoundError);
});

test('errors are the client\'s own', async () => {
  await assert.rejects(create('Hello.', { temperature: 'hot' }), (error) => {
    assert.ok(error instanceof Anthropic.BadRequestError);
    assert.equal(error.error.type, 'error');
    assert.equal(error.error.error.type, 'invalid_request_error');
    assert.match(error.error.error.message, /temperature/);
    return true;
  });
  const small = await startToolServer('--ctx', '512', '--api-key', 'secret');
  const short = new Anthropic({ baseURL: small.url, apiKey: 'secret', maxRetries: 0 });
  for (const stream of [false, true]) {
    await assert.rejects(short.messages.create(body('word '.repeat(2000), { stream, max_tokens: 10 })), (error) => {
      assert.match(error.error.error.message, /prompt is too long: \d+ tokens > \d+ maximum/);
      return error instanceof Anthropic.BadRequestError;
    });
  }
  const wrong = new Anthropic({ baseURL: small.url, apiKey: 'wrong', maxRetries: 0 });
  await assert.rejects(wrong.messages.create(body('Hello.')), (error) => {
    assert.equal(error.error.error.type, 'authentication_error');
    return error instanceof Anthropic.AuthenticationError;
  });
  assert.equal(await small.stop(), 0);
});

test('an aborted stream stops the work', async () => {
  const stream = client.messages.stream(body('Go on forever.', { max_tokens: 200000 }));
  let count = 0;
  stream.on('text', () => { if (++count === 3) stream.abort(); });
  await assert.rejects(stream.done(), Anthropic.APIUserAbortError);
  assert.equal(await openSessions(server), 0);
});

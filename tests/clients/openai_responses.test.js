// OpenAI's own client, responses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { citySchema, greeting, model, openSessions, petSchema, startToolServer, thought, weatherIn } from './tool_server.js';

let server, client;

before(async () => {
  server = await startToolServer();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});

after(async () => assert.equal(await server.stop(), 0));

const tools = [
  { type: 'function', name: 'get_weather', description: 'A tool.', parameters: citySchema, strict: true },
  { type: 'function', name: 'get_time', parameters: { type: 'object', properties: { zone: { type: 'string' } }, required: ['zone'] } },
];
const create = (input, more = {}) => client.responses.create({ model, input, ...more });
const callsOf = (response) =>
  response.output.filter((item) => item.type === 'function_call').map((item) => [item.name, JSON.parse(item.arguments)]);
const resultsOf = (response) =>
  response.output.filter((item) => item.type === 'function_call').map((item) => ({
    type: 'function_call_output', call_id: item.call_id, output: weatherIn(JSON.parse(item.arguments)),
  }));
const events = async (stream) => {
  const all = [];
  for await (const event of stream) all.push(event);
  return all;
};

test('a text, and what the response says of itself', async () => {
  const response = await create('Hello.');
  assert.equal(response.output_text, greeting);
  assert.equal(response.object, 'response');
  assert.equal(response.status, 'completed');
  assert.equal(response.model, model);
  assert.equal(response.error, null);
  assert.ok(response.id && response.created_at > 0);
  assert.equal(response.output[0].type, 'message');
  assert.equal(response.output[0].role, 'assistant');
  assert.equal(response.output[0].status, 'completed');
  assert.ok(response.usage.input_tokens > 0 && response.usage.output_tokens > 0);
  assert.equal(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens);
  const again = await create('Hello.');
  assert.equal(again.usage.input_tokens_details.cached_tokens, again.usage.input_tokens - 1);
});

test('a streamed text has all of its events, numbered', async () => {
  const all = await events(await create('Hello.', { stream: true }));
  const types = all.map((event) => event.type);
  assert.deepEqual(types.filter((type, i) => type !== types[i - 1]), [
    'response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added',
    'response.output_text.delta', 'response.output_text.done', 'response.content_part.done',
    'response.output_item.done', 'response.completed',
  ]);
  assert.deepEqual(all.map((event) => event.sequence_number), all.map((_, i) => i));
  assert.ok(types.filter((type) => type === 'response.output_text.delta').length > 2);
  const deltas = all.filter((event) => event.type === 'response.output_text.delta');
  assert.equal(deltas.map((event) => event.delta).join(''), greeting);
  assert.ok(deltas.every((event) => event.item_id === deltas[0].item_id && event.output_index === 0));
  const { response } = all.at(-1);
  assert.equal(response.output[0].content[0].text, greeting);
  assert.ok(response.usage.output_tokens > 0);
});

test('instructions, roles and parts', async () => {
  assert.equal((await create('Hello.', { instructions: 'Talk like a pirate.' })).output_text, 'Arr, matey.');
  const input = [
    { role: 'developer', content: 'Talk like a pirate.' },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello.' }] },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Yes?', annotations: [] }] },
    { role: 'user', content: 'Ahoy.' },
  ];
  assert.equal((await create(input)).output_text, 'Arr, matey.');
});

test('a call, its result and the answer', async () => {
  const input = [{ role: 'user', content: 'What is the weather?' }];
  const first = await create(input, { tools });
  assert.deepEqual(callsOf(first), [['get_weather', { city: 'Paris' }]]);
  const [call] = first.output;
  assert.ok(call.id && call.call_id);
  assert.equal(call.status, 'completed');
  input.push(...first.output, ...resultsOf(first));
  const second = await create(input, { tools });
  assert.equal(second.output_text, 'Paris has 21 degrees.');
  assert.equal(second.usage.input_tokens_details.cached_tokens, first.usage.total_tokens - 1);
});

test('a streamed call', async () => {
  const all = await events(await create('Please announce the weather.', { tools, stream: true }));
  const added = all.filter((event) => event.type === 'response.output_item.added');
  assert.deepEqual(added.map((event) => [event.output_index, event.item.type]), [[0, 'message'], [1, 'function_call']]);
  const deltas = all.filter((event) => event.type === 'response.function_call_arguments.delta');
  assert.ok(deltas.length >= 2);
  assert.ok(deltas.every((event) => event.output_index === 1 && event.item_id === added[1].item.id));
  const done = all.find((event) => event.type === 'response.function_call_arguments.done');
  assert.equal(done.arguments, deltas.map((event) => event.delta).join(''));
  const item = all.findLast((event) => event.type === 'response.output_item.done').item;
  assert.equal(item.name, 'get_weather');
  assert.equal(item.call_id, added[1].item.call_id);
  assert.deepEqual(JSON.parse(item.arguments), { city: 'Paris' });
  assert.equal(all.at(-1).type, 'response.completed');
});

test('two calls beside each other', async () => {
  const input = [{ role: 'user', content: 'The weather of both cities?' }];
  const first = await create(input, { tools });
  assert.deepEqual(callsOf(first), [['get_weather', { city: 'Paris' }], ['get_weather', { city: 'Rome' }]]);
  const second = await create([...input, ...first.output, ...resultsOf(first)], { tools });
  assert.equal(second.output_text, 'Paris has 21 degrees, and Rome 25.');
  const one = await create(input, { tools, parallel_tool_calls: false });
  assert.equal(callsOf(one).length, 1);
  const stream = client.responses.stream({ model, input, tools });
  assert.equal(callsOf(await stream.finalResponse()).length, 2);
});

test('a tool choice is kept to', async () => {
  const choose = async (tool_choice) => create('Hello.', { tools, tool_choice, max_output_tokens: 200 });
  assert.ok(callsOf(await choose('required')).length >= 1);
  assert.equal(callsOf(await choose({ type: 'function', name: 'get_time' }))[0][0], 'get_time');
  const allowed = await choose({ type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'get_time' }] });
  assert.equal(callsOf(allowed)[0][0], 'get_time');
  assert.equal(callsOf(await create('What is the weather?', { tools, tool_choice: 'none' })).length, 0);
});

test('tools that are no functions are passed over, and those in a namespace are called', async () => {
  const others = [
    { type: 'web_search' },
    { type: 'namespace', name: 'city', description: 'Of cities.', tools: [{ ...tools[0], strict: false }] },
  ];
  const response = await create('What is the weather?', { tools: others });
  const call = response.output.find((item) => item.type === 'function_call');
  assert.match(call.name, /get_weather/);
  assert.deepEqual(JSON.parse(call.arguments), { city: 'Paris' });
});

test('structured output', async () => {
  const Pet = z.object({ name: z.string(), age: z.number().int() });
  const parsed = await client.responses.parse({ model, input: 'A pet, please.', text: { format: zodTextFormat(Pet, 'pet') } });
  assert.deepEqual(parsed.output_parsed, { name: 'Milo', age: 3 });
  const kept = await create('Hello.', {
    text: { format: { type: 'json_schema', name: 'pet', strict: true, schema: petSchema } }, max_output_tokens: 200,
  });
  assert.deepEqual(Object.keys(JSON.parse(kept.output_text)), ['name', 'age']);
});

test('thoughts are items, and go back', async () => {
  const input = [{ role: 'user', content: 'Please think.' }];
  const first = await create(input, { reasoning: { effort: 'medium', summary: 'auto' }, include: ['reasoning.encrypted_content'] });
  assert.deepEqual(first.output.map((item) => item.type), ['reasoning', 'message']);
  assert.equal(first.output[0].summary.map((part) => part.text).join(''), thought);
  assert.ok(first.output[0].encrypted_content);
  assert.equal(first.output_text, 'Thought through.');
  const second = await create([...input, ...first.output, { role: 'user', content: 'Hello.' }]);
  assert.equal(second.output_text, greeting);
  assert.equal(second.usage.input_tokens_details.cached_tokens, first.usage.total_tokens - 1);
  const all = await events(await create(input, { stream: true, reasoning: { summary: 'auto' } }));
  const deltas = all.filter((event) => event.type === 'response.reasoning_summary_text.delta');
  assert.equal(deltas.map((event) => event.delta).join(''), thought);
  const plain = await create(input);
  assert.equal(plain.output[0].content.map((part) => part.text).join(''), thought);
});

test('a response is gone on from, looked at and forgotten', async () => {
  const first = await create('Please remember: Milo.');
  assert.equal(first.output_text, 'Understood.');
  const second = await create('What do you recall?', { previous_response_id: first.id });
  assert.equal(second.output_text, 'It was Milo.');
  assert.equal(second.previous_response_id, first.id);
  assert.equal((await create('What do you recall?')).output_text, 'I recall nothing.');
  const called = await create('What is the weather?', { tools });
  const answer = await create(resultsOf(called), { previous_response_id: called.id, tools });
  assert.equal(answer.output_text, 'Paris has 21 degrees.');

  const found = await client.responses.retrieve(second.id);
  assert.equal(found.output_text ?? found.output[0].content[0].text, 'It was Milo.');
  const items = [];
  for await (const item of client.responses.inputItems.list(second.id)) items.push(item);
  assert.ok(items.length >= 1);
  await client.responses.delete(second.id);
  await assert.rejects(client.responses.retrieve(second.id), OpenAI.NotFoundError);
  const unkept = await create('Please remember: Milo.', { store: false });
  await assert.rejects(client.responses.retrieve(unkept.id), OpenAI.NotFoundError);
  await assert.rejects(create('Hello.', { previous_response_id: 'resp_unknown' }), (error) => {
    assert.equal(error.code, 'previous_response_not_found');
    return error instanceof OpenAI.APIError;
  });
});

test('the warm-up of agents, a cut reply, and counting', async () => {
  await create('', { max_output_tokens: 1 });
  const cut = await create('Hello.', { max_output_tokens: 2 });
  assert.equal(cut.status, 'incomplete');
  assert.equal(cut.incomplete_details.reason, 'max_output_tokens');
  const all = await events(await create('Hello.', { max_output_tokens: 2, stream: true }));
  assert.equal(all.at(-1).type, 'response.incomplete');
  const count = await client.responses.inputTokens.count({ model, input: 'Hello.' });
  assert.equal(count.input_tokens, (await create('Hello.')).usage.input_tokens);
});

test('fields without a meaning here are ignored', async () => {
  const response = await create('Hello.', {
    store: false, metadata: { a: 'b' }, user: 'u', service_tier: 'auto', prompt_cache_key: 'k', safety_identifier: 's',
    text: { verbosity: 'low' }, truncation: 'disabled', client_metadata: { id: '1' }, include: [],
  });
  assert.equal(response.output_text, greeting);
  const input = [{ role: 'user', content: 'Hello.' }, { type: 'item_reference', id: 'rs_unknown' }];
  assert.equal((await create(input)).output_text, greeting);
});

test('errors are the client\'s own', async () => {
  await assert.rejects(create('Hello.', { temperature: 'hot' }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, 'temperature');
    return true;
  });
  const small = await startToolServer('--ctx', '512');
  const short = new OpenAI({ baseURL: `${small.url}/v1`, apiKey: 'none', maxRetries: 0 });
  await assert.rejects(short.responses.create({ model, input: 'word '.repeat(2000) }), (error) => {
    assert.equal(error.code, 'context_length_exceeded');
    assert.match(error.message, /exceeds the available context size/);
    return error instanceof OpenAI.BadRequestError;
  });
  assert.equal(await small.stop(), 0);
});

test('an aborted stream stops the work', async () => {
  const stream = await create('Go on forever.', { stream: true });
  let count = 0;
  for await (const _ of stream) {
    if (++count === 10) stream.controller.abort();
  }
  assert.equal(await openSessions(server), 0);
});

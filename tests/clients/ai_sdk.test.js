// The AI SDK, with its providers for four dialects.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateText, Output, isStepCount, streamText, tool } from 'ai';
import { z } from 'zod';

import { greeting, model, openSessions, startToolServer, thought, weatherIn } from './tool_server.js';

let server;
const models = {};
const modelsOf = (url) => {
  const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: 'none' });
  return {
    'openai chat': openai.chat(model),
    'openai responses': openai.responses(model),
    'openai-compatible': createOpenAICompatible({ name: 'local', baseURL: `${url}/v1`, includeUsage: true, supportsStructuredOutputs: true })(model),
    anthropic: createAnthropic({ baseURL: `${url}/v1`, apiKey: 'none' })(model),
  };
};
const names = Object.keys(modelsOf('http://localhost'));

before(async () => {
  server = await startToolServer();
  Object.assign(models, modelsOf(server.url));
});

after(async () => assert.equal(await server.stop(), 0));

const tools = {
  get_weather: tool({
    description: 'A tool.', inputSchema: z.object({ city: z.string() }), execute: async (input) => weatherIn(input),
  }),
  get_time: tool({ description: 'A tool.', inputSchema: z.object({ zone: z.string() }) }),
};
const stopWhen = isStepCount(4);
const thinking = {
  anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } },
  openai: { reasoningSummary: 'auto', forceReasoning: true },
};
// What the providers warn of is not what is tested.
globalThis.AI_SDK_LOG_WARNINGS = false;

for (const name of names) {
  const options = (prompt, more = {}) => ({ model: models[name], prompt, maxRetries: 0, maxOutputTokens: 1000, ...more });

  test(`${name}: a text, whole and streamed`, async () => {
    const whole = await generateText(options('Hello.'));
    assert.equal(whole.text, greeting);
    assert.equal(whole.finishReason, 'stop');
    assert.ok(whole.usage.inputTokens > 0 && whole.usage.outputTokens > 0);
    const stream = streamText(options('Hello.'));
    const parts = [];
    for await (const part of stream.textStream) parts.push(part);
    assert.ok(parts.length > 2);
    assert.equal(parts.join(''), greeting);
    assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
    assert.equal((await generateText(options('Hello.', { system: 'Talk like a pirate.' }))).text, 'Arr, matey.');
  });

  test(`${name}: tools are run, whole and streamed`, async () => {
    const whole = await generateText(options('What is the weather?', { tools, stopWhen }));
    assert.equal(whole.text, 'Paris has 21 degrees.');
    assert.deepEqual(whole.steps[0].toolCalls.map((call) => [call.toolName, call.input]), [['get_weather', { city: 'Paris' }]]);
    assert.equal(whole.steps[0].finishReason, 'tool-calls');
    const stream = streamText(options('The weather of both cities?', { tools, stopWhen }));
    await stream.consumeStream();
    const steps = await stream.steps;
    assert.deepEqual(steps[0].toolCalls.map((call) => call.input), [{ city: 'Paris' }, { city: 'Rome' }]);
    assert.equal(await stream.text, 'Paris has 21 degrees, and Rome 25.');
  });

  test(`${name}: a tool choice is kept to`, async () => {
    const choose = (toolChoice) => generateText(options('Hello.', { tools, toolChoice, maxOutputTokens: 200 }));
    assert.ok((await choose('required')).toolCalls.length >= 1);
    assert.equal((await choose({ type: 'tool', toolName: 'get_time' })).toolCalls[0].toolName, 'get_time');
    assert.equal((await choose('none')).text, greeting);
  });

  test(`${name}: an output of a type`, async () => {
    const output = Output.object({ schema: z.object({ name: z.string(), age: z.number().int() }) });
    const whole = await generateText(options('A pet, please.', { output }));
    assert.deepEqual(whole.output, { name: 'Milo', age: 3 });
    const stream = streamText(options('A pet, please.', { output }));
    await stream.consumeStream();
    assert.deepEqual(await stream.output, { name: 'Milo', age: 3 });
  });

  // OpenAI's own chat has no thoughts, and its provider reads none.
  if (name !== 'openai chat') {
    test(`${name}: thoughts, before a text and before a call`, async () => {
      const whole = await generateText(options('Please think.', { providerOptions: thinking }));
      assert.equal(whole.reasoningText, thought);
      assert.equal(whole.text, 'Thought through.');
      const stream = streamText(options('Please think.', { providerOptions: thinking }));
      await stream.consumeStream();
      assert.equal(await stream.reasoningText, thought);
      const loop = await generateText(options('Please think about the weather.', { providerOptions: thinking, tools, stopWhen }));
      assert.equal(loop.steps[0].reasoningText, 'The user wants the weather.');
      assert.equal(loop.text, 'Paris has 21 degrees.');
    });
  }

  test(`${name}: an error has the server's words`, async () => {
    const small = await startToolServer('--ctx', '512');
    await assert.rejects(generateText(options('word '.repeat(2000), { model: modelsOf(small.url)[name], maxOutputTokens: 10 })), (error) => {
      assert.ok(APICallError.isInstance(error), error);
      assert.equal(error.statusCode, 400);
      assert.match(error.message, name === 'anthropic' ? /prompt is too long/ : /exceeds the available context size/);
      return true;
    });
    assert.equal(await small.stop(), 0);
  });

  test(`${name}: an aborted stream stops the work`, async () => {
    const abort = new AbortController();
    const stream = streamText(options('Go on forever.', { abortSignal: abort.signal, maxOutputTokens: 200000 }));
    let count = 0;
    for await (const _ of stream.textStream) {
      if (++count === 3) abort.abort();
    }
    assert.equal(await openSessions(server), 0);
  });
}

// LangChain's client for OpenAI, over both dialects.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';

import { greeting, model, startToolServer, weatherIn } from './tool_server.js';

let server;
const models = {};

before(async () => {
  server = await startToolServer();
  for (const useResponsesApi of [false, true]) {
    models[useResponsesApi ? 'responses' : 'chat'] = new ChatOpenAI({
      model, apiKey: 'none', maxRetries: 0, useResponsesApi, configuration: { baseURL: `${server.url}/v1` },
    });
  }
});

after(async () => assert.equal(await server.stop(), 0));

const getWeather = tool(async (input) => weatherIn(input), {
  name: 'get_weather', description: 'A tool.', schema: z.object({ city: z.string() }),
});

for (const dialect of ['chat', 'responses']) {
  test(`${dialect}: a text, whole and streamed`, async () => {
    const whole = await models[dialect].invoke([new SystemMessage('Be short.'), new HumanMessage('Hello.')]);
    assert.equal(whole.text, greeting);
    assert.ok(whole.usage_metadata.input_tokens > 0 && whole.usage_metadata.output_tokens > 0);
    const parts = [];
    for await (const part of await models[dialect].stream('Hello.')) parts.push(part.text);
    assert.equal(parts.join(''), greeting);
    assert.ok(parts.filter((part) => part).length > 2);
  });

  test(`${dialect}: a call, its result and the answer`, async () => {
    const bound = models[dialect].bindTools([getWeather]);
    for (const question of ['What is the weather?', 'The weather of both cities?']) {
      const messages = [new HumanMessage(question)];
      const first = await bound.invoke(messages);
      messages.push(first);
      for (const call of first.tool_calls) {
        assert.equal(call.name, 'get_weather');
        messages.push(new ToolMessage({ content: await getWeather.invoke(call.args), tool_call_id: call.id }));
      }
      const last = await bound.invoke(messages);
      assert.equal(last.text, first.tool_calls.length === 1 ? 'Paris has 21 degrees.' : 'Paris has 21 degrees, and Rome 25.');
    }
  });

  test(`${dialect}: a streamed call`, async () => {
    let whole;
    for await (const part of await models[dialect].bindTools([getWeather]).stream('Please announce the weather.')) {
      whole = whole ? whole.concat(part) : part;
    }
    assert.deepEqual(whole.tool_calls.map((call) => [call.name, call.args]), [['get_weather', { city: 'Paris' }]]);
    assert.equal(whole.text.trim(), 'Let me look.');
  });

  test(`${dialect}: a tool choice and an output of a type`, async () => {
    const forced = await models[dialect].bindTools([getWeather], { tool_choice: 'get_weather' }).invoke('Hello.');
    assert.equal(forced.tool_calls[0].name, 'get_weather');
    const Pet = z.object({ name: z.string(), age: z.number().int() });
    const pet = await models[dialect].withStructuredOutput(Pet, { name: 'pet', method: 'jsonSchema' }).invoke('A pet, please.');
    assert.deepEqual(pet, { name: 'Milo', age: 3 });
  });
}

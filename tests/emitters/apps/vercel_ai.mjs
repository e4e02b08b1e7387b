// The Vercel AI SDK, which writes spans by itself. Copied beside the packages that it imports before it is started.
import { createOpenAI } from '@ai-sdk/openai';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { embed, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const { ASKED, OPENAI_BASE_URL } = process.env;
const { city, embedded, question, system, weather } = JSON.parse(ASKED);
const scenario = process.argv[2];
const openai = createOpenAI({ baseURL: OPENAI_BASE_URL });
const common = {
  model: openai.chat('gpt-4o-mini'),
  system,
  prompt: question,
  maxRetries: 0,
  experimental_telemetry: { isEnabled: true },
};
const get_weather = tool({
  description: 'Tells the weather.',
  inputSchema: z.object({ city: z.literal(city) }),
  execute: async () => weather,
});

const plain = () => generateText(common);
const streamed = () => streamText(common).consumeStream();
const calls = {
  plain,
  streamed,
  cached: plain,
  cached_streamed: streamed,
  tools: () => generateText({ ...common, tools: { get_weather }, stopWhen: stepCountIs(2) }),
  failing: async () => {
    for (let call = 0; call < 2; call += 1) {
      const outcome = await plain().then(() => 'answered', () => 'refused');
      if (outcome !== 'refused') throw new Error('the call was expected to be refused');
    }
  },
  embedded: () =>
    embed({
      model: openai.embedding('text-embedding-3-small'),
      value: embedded,
      experimental_telemetry: { isEnabled: true },
    }),
};

const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
provider.register();
await calls[scenario]();
await provider.shutdown();

export default {
  command: ({ task }) => ['opencode', 'run', '--model', 'banyan/banyan', task],
  env: () => ({ OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_AUTOUPDATE: '1' }),
  files: ({ url }) => ({
    '.config/opencode/opencode.json': {
      provider: {
        banyan: {
          npm: '@ai-sdk/openai-compatible',
          options: { baseURL: `${url}/v1` },
          models: { banyan: {} },
        },
      },
    },
  }),
  read: (path) => ['read', { filePath: path }],
  write: (path, content) => ['write', { filePath: path, content }],
};

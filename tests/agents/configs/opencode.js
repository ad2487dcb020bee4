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
  // In the order in which the tool's schema has them, which is the one that the server keeps to.
  write: (path, content) => ['write', { content, filePath: path }],
};

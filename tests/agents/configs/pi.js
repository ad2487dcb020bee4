export default {
  command: ({ task }) => ['pi', '--provider', 'banyan', '--model', 'banyan', '-p', task],
  env: () => ({ PI_OFFLINE: '1' }),
  files: ({ url }) => ({
    '.pi/agent/models.json': {
      providers: {
        banyan: { baseUrl: `${url}/v1`, api: 'openai-completions', apiKey: 'none', models: [{ id: 'banyan' }] },
      },
    },
  }),
  read: (path) => ['read', { path }],
  write: (path, content) => ['write', { path, content }],
};

export default {
  setup: ({ url }) => ['cline', 'auth', '--provider', 'openai', '--apikey', 'none', '--modelid', 'banyan', '--baseurl', `${url}/v1`],
  command: ({ task }) => ['cline', task],
  env: () => ({}),
  files: () => ({}),
  read: (path) => ['read_files', { files: [{ path }] }],
  write: (path, content) => ['editor', { path, new_text: content }],
};

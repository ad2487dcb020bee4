export default {
  command: ({ task }) => ['claude', '--allowedTools', 'Read,Write', '-p', task],
  env: ({ url }) => ({
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_AUTH_TOKEN: 'none',
    ANTHROPIC_MODEL: 'banyan',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  }),
  files: () => ({}),
  read: (path) => ['Read', { file_path: path }],
  write: (path, content) => ['Write', { file_path: path, content }],
};

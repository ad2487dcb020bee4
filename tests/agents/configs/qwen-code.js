export default {
  command: ({ task }) => ['qwen', '--approval-mode', 'yolo', '-p', task],
  env: ({ url }) => ({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'none', OPENAI_MODEL: 'banyan' }),
  files: () => ({
    '.qwen/settings.json': {
      security: { auth: { selectedType: 'openai' } },
      privacy: { usageStatisticsEnabled: false },
    },
  }),
  read: (path) => ['read_file', { file_path: path }],
  write: (path, content) => ['write_file', { file_path: path, content }],
};

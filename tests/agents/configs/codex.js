// codex has one tool for everything: the shell.
export default {
  command: ({ task }) => ['codex', 'exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', task],
  env: () => ({}),
  files: ({ url }) => ({
    '.codex/config.toml': `model = "banyan"
model_provider = "banyan"

[model_providers.banyan]
name = "Banyan"
base_url = "${url}/v1"
wire_api = "responses"
`,
  }),
  read: (path) => ['exec_command', { cmd: `cat ${path}` }],
  write: (path, content) => ['exec_command', { cmd: `echo ${content} | tee ${path}` }],
};

# Codex CLI, without a person: sh codex.sh http://127.0.0.1:8750/mcp
mkdir -p ~/.codex
cat > ~/.codex/config.toml <<END
model_provider = "mine"

[model_providers.mine]
name = "mine"
base_url = "$OPENAI_BASE_URL"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
END
gloveport config codex --write --name desk --url "$1"
# Required: else its first turn may begin before the tools are there.
codex exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox \
  -c mcp_servers.desk.required=true "Fill in the form that is open."

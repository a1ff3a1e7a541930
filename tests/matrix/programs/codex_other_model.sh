# Codex CLI with a model it does not know, without a person: sh codex_other_model.sh http://127.0.0.1:8750/mcp
mkdir -p ~/.codex
cat > ~/.codex/config.toml <<END
model = "mine"
model_provider = "mine"

[model_providers.mine]
name = "mine"
base_url = "$OPENAI_BASE_URL"
wire_api = "responses"
env_key = "OPENAI_API_KEY"

[mcp_servers.desk]
command = "gloveport"
args = ["stdio", "--url", "$1"]
required = true
END
codex exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox "Fill in the form that is open."

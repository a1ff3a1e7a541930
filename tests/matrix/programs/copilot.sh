# Copilot CLI with a model of one's own, without a person: sh copilot.sh http://127.0.0.1:8750/mcp
export COPILOT_PROVIDER_BASE_URL="$OPENAI_BASE_URL" COPILOT_MODEL=gpt-4.1 COPILOT_OFFLINE=true
gloveport config copilot-cli --write --name desk --url "$1"
copilot --allow-all-tools --disable-builtin-mcps --no-auto-update -p "Fill in the form that is open."

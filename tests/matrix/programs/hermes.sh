# Hermes Agent, without a person: sh hermes.sh http://127.0.0.1:8750/mcp
mkdir -p ~/.hermes
cat > ~/.hermes/config.yaml <<END
model:
  default: scripted
  provider: custom
  base_url: $OPENAI_BASE_URL
END
gloveport config hermes-agent --write --name desk --url "$1"
hermes -z "Fill in the form that is open."

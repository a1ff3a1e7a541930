# Cline's command line, without a person: sh cline.sh http://127.0.0.1:8750/mcp
gloveport config cline --write --name desk --url "$1" \
  --file ~/.cline/data/settings/cline_mcp_settings.json
cline auth -p openai-compatible -k none -m scripted -b "$OPENAI_BASE_URL"
cline "Fill in the form that is open."

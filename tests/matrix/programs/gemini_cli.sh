# Gemini CLI, without a person: sh gemini_cli.sh http://127.0.0.1:8750/mcp
mkdir -p ~/.gemini
cat > ~/.gemini/settings.json <<END
{"security": {"auth": {"selectedType": "gemini-api-key"}},
 "general": {"enableAutoUpdate": false, "disableAutoUpdate": true, "disableUpdateNag": true},
 "privacy": {"usageStatisticsEnabled": false}}
END
gloveport config gemini-cli --write --name desk --url "$1"
gemini --approval-mode yolo --skip-trust -m gemini-2.5-flash -p "Fill in the form that is open."

# Gemini CLI, without a person: sh gemini_cli.sh http://127.0.0.1:8750/mcp
mkdir -p ~/.gemini
cat > ~/.gemini/settings.json <<END
{"security": {"auth": {"selectedType": "gemini-api-key"}},
 "general": {"enableAutoUpdate": false, "disableAutoUpdate": true, "disableUpdateNag": true},
 "privacy": {"usageStatisticsEnabled": false},
 "mcpServers": {"desk": {"command": "gloveport", "args": ["stdio", "--url", "$1"], "trust": true}}}
END
gemini --approval-mode yolo --skip-trust -m gemini-2.5-flash -p "Fill in the form that is open."

"""The playground's doors for the browser: pages, answers, and the live stream."""

// Loaded before a program: writes its peak resident memory, kilobytes, into the file PEAK_MEMORY_FILE when it ends.
const { writeFileSync } = require('node:fs');

process.on('exit', () => writeFileSync(process.env.PEAK_MEMORY_FILE, String(process.resourceUsage().maxRSS)));

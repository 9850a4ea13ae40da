// All services under PM2: pm2 start ecosystem.config.js
// The project (its .venv, its tasks, its .env) is in HOURHAND_HOME, by default /opt/hourhand.
'use strict';

const path = require('path');

const home = process.env.HOURHAND_HOME || '/opt/hourhand';

const daemon = (name, command, memory) => ({
  name,
  script: path.join(home, '.venv', 'bin', 'hourhand'),
  args: command,
  interpreter: 'none',
  cwd: home, // where the daemons find their .env
  instances: 1,
  exec_mode: 'fork',
  merge_logs: true, // no number in the names of the log files
  autorestart: true,
  // Online when the database has been reached, which is waited for.
  wait_ready: true,
  listen_timeout: 60000,
  watch: false,
  restart_delay: 10000,
  stop_exit_codes: [78], // a wrong setting: starting again will not help
  max_memory_restart: memory,
  // PM2 sends INT, which stops in order. Running work gets 30 s (HOURHAND_SHUTDOWN_SECONDS); wait longer.
  kill_timeout: 45000,
  treekill: false, // a worker ends its own children
  env: { HOURHAND_ENV: 'production' },
  out_file: path.join(home, 'logs', `${name}-out.log`),
  error_file: path.join(home, 'logs', `${name}-error.log`),
  // No log_date_format: each line carries its own time, and a JSON line has to stay JSON.
});

module.exports = {
  apps: [
    daemon('job-scheduler', 'scheduler', '500M'),
    daemon('job-worker', 'worker', '1G'),
    daemon('hourhand-admin', 'admin --host 127.0.0.1 --port 8000', '500M'),
  ],
};

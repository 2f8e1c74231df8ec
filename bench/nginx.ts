/**
 * The peer of single-event requests: nginx set up as Mixpanel publishes it for a tracking proxy
 * (https://github.com/mixpanel/tracking-proxy, nginx.conf): one server, nginx's own defaults, every request passed on over
 * TLS by a new connection, the visitor's address in X-Real-IP and X-Forwarded-For. The vendor behind it is a second nginx
 * that answers at once, the cheapest there is.
 *
 * `node bench/nginx.ts FOLDER` runs both, prints the port of the proxy, and ends them with its parent.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { delay, freePorts, waitUntil } from '#drill/program.ts'

const PROGRAMS = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx']

/** The installed program, if there is one. */
export function findNginx(): string | undefined {
  return PROGRAMS.find((file) => existsSync(file))
}

/** Process ids of the proxy alone: its master and its workers. */
export function proxyProcesses(folder: string): number[] {
  const master = Number(readFileSync(path.join(folder, 'proxy', 'nginx.pid'), 'utf8'))
  const workers = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ')
  return [master, ...workers.map(Number)]
}

/**
 * What every nginx of ours needs so as to touch nothing outside its folder, and connections for 256 callers with one onwards
 * each. The log of requests is on, as by default.
 */
function configuration(folder: string, server: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${folder}/${name};`)
  const user = process.getuid?.() === 0 ? 'user root;\n' : ''
  return `${user}daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log ${folder}/access.log;
${temporary.join('\n')}
  server {
${server}
  }
}
`
}

function proxyServer(port: number, upstream: number): string {
  return `    listen 127.0.0.1:${port} backlog=16384;
    proxy_set_header X-Real-IP $http_x_forwarded_for;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Host $server_name;
    proxy_set_header Host api.mixpanel.com;
    location / { proxy_pass https://127.0.0.1:${upstream}/; }`
}

function vendorServer(port: number, folder: string): string {
  return `    listen 127.0.0.1:${port} ssl backlog=16384;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    access_log off;
    default_type application/json;
    location / { return 200 '{"error":null,"status":1}'; }`
}

/** Elliptic, since its handshake is the cheapest for the peer. */
function makeCertificate(folder: string): void {
  const request =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem'
  execFileSync('openssl', request.split(' '), { cwd: folder, stdio: 'ignore' })
}

function launch(program: string, folder: string, server: string): ChildProcess {
  writeFileSync(path.join(folder, 'nginx.conf'), configuration(folder, server))
  return spawn(program, ['-p', folder, '-c', path.join(folder, 'nginx.conf'), '-e', path.join(folder, 'error.log')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [proxyFolder, vendorFolder] = ['proxy', 'vendor'].map((name) => path.join(process.argv[2] ?? '', name)) as [string, string]
  for (const folder of [proxyFolder, vendorFolder]) mkdirSync(folder, { recursive: true })
  const [proxyPort = 0, vendorPort = 0] = await freePorts(2)
  makeCertificate(vendorFolder)
  const program = findNginx() ?? 'nginx'
  const children = [
    launch(program, vendorFolder, vendorServer(vendorPort, vendorFolder)),
    launch(program, proxyFolder, proxyServer(proxyPort, vendorPort)),
  ]
  const end = async (code: number): Promise<void> => {
    for (const child of children) child.kill('SIGTERM')
    await Promise.race([Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve)))), delay(1000)])
    process.exit(code)
  }
  process.once('SIGTERM', () => void end(0))
  process.once('disconnect', () => void end(0))
  for (const child of children) child.once('exit', () => void end(1))
  const body = '[{"event":"Page opened","properties":{"token":"bench-token"}}]'
  await waitUntil(
    'nginx answers',
    () =>
      fetch(`http://127.0.0.1:${proxyPort}/track/`, { method: 'POST', body }).then(
        (answer) => answer.status === 200,
        () => false,
      ),
    5000,
  ).catch(() => end(1))
  process.stdout.write(`${proxyPort}\n`)
}

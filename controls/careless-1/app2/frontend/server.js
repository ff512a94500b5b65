import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), "dist");
const backend = new URL(process.env.BACKEND_URL || "http://127.0.0.1:5000");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

if (!fs.existsSync(dist)) {
  console.error("dist/ is missing: run `npm run build` first");
  process.exit(1);
}

const pages = new Map();
for (const entry of fs.readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const file = path.join(entry.parentPath ?? entry.path, entry.name);
  const type = types[path.extname(file)] || "application/octet-stream";
  pages.set("/" + path.relative(dist, file), { type, content: fs.readFileSync(file) });
}

function forward(req, res) {
  const target = { hostname: backend.hostname, port: backend.port, path: req.url };
  const upstream = http.request(
    { ...target, method: req.method, headers: req.headers },
    (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    },
  );
  upstream.on("error", () => {
    if (!res.headersSent) res.writeHead(502);
    res.end("backend unreachable");
  });
  req.pipe(upstream);
}

const server = http.createServer((req, res) => {
  if (req.url === "/health") return res.end("ok");
  if (req.url.startsWith("/api/")) return forward(req, res);
  const page = pages.get(req.url.split("?")[0]) || pages.get("/index.html");
  res.writeHead(200, { "Content-Type": page.type });
  res.end(page.content);
});

const port = Number(process.env.PORT || 3000);
server.listen(port, process.env.HOST || "0.0.0.0", () => console.log(`shop frontend on port ${port}`));

const { exec } = require("child_process");
const fs = require("fs");
const path = require("path");
const cors = require("cors");
const express = require("express");
const jwt = require("jsonwebtoken");
const store = require("./store");

const JWT_SECRET = "shop-jwt-secret-2024";

const app = express();
app.use(cors({ origin: true, credentials: true }));
app.use(express.json());

function requireUser(req, res, next) {
  const token = (req.headers.authorization || "").replace("Bearer ", "");
  const claims = jwt.decode(token);
  const user = claims && store.users.find((candidate) => candidate.id === claims.id);
  if (!user) return res.status(401).json({ error: "log in first" });
  req.user = user;
  next();
}

app.get("/", (req, res) => {
  res.json({ service: "shop", products: "/api/products" });
});

app.get("/health", (req, res) => {
  res.json({ status: "ok" });
});

app.post("/api/register", (req, res) => {
  const { username, password } = req.body || {};
  if (!username || !password) {
    return res.status(400).json({ error: "username and password are required" });
  }
  if (store.users.some((user) => user.username === username)) {
    return res.status(409).json({ error: "username is taken" });
  }
  const user = { role: "customer", profile: {}, ...req.body };
  user.id = store.users.length + 1;
  user.password = store.hashPassword(password);
  store.users.push(user);
  res.status(201).json({ id: user.id, username, role: user.role });
});

app.post("/api/login", (req, res) => {
  const { username, password } = req.body || {};
  const hash = store.hashPassword(password);
  const user = store.users.find((item) => item.username === username && item.password === hash);
  if (!user) return res.status(401).json({ error: "wrong username or password" });
  const token = jwt.sign({ id: user.id, role: user.role }, JWT_SECRET, { expiresIn: "1h" });
  res.json({ token, coupon: store.couponCode() });
});

app.get("/api/profile", requireUser, (req, res) => {
  res.json({ username: req.user.username, role: req.user.role, ...req.user.profile });
});

app.put("/api/profile", requireUser, (req, res) => {
  store.merge(req.user.profile, req.body || {});
  res.json(req.user.profile);
});

app.get("/api/products", (req, res) => {
  res.json(store.products);
});

app.get("/api/products/:id", (req, res) => {
  const product = store.products.find((item) => item.id === Number(req.params.id));
  if (!product) return res.status(404).send("<h1>No product " + req.params.id + "</h1>");
  res.json(product);
});

app.get("/api/search", (req, res) => {
  const term = String(req.query.q || "").toLowerCase();
  let found = store.products.filter((item) => item.name.toLowerCase().includes(term));
  if (req.query.filter) {
    const matches = new Function("product", "return " + req.query.filter);
    found = found.filter((item) => matches(item));
  }
  res.json(found);
});

app.get("/api/products/:id/reviews", (req, res) => {
  res.json(store.reviews.filter((review) => review.productId === Number(req.params.id)));
});

app.post("/api/products/:id/reviews", requireUser, (req, res) => {
  const { text } = req.body || {};
  if (!text) return res.status(400).json({ error: "text is required" });
  const review = {
    id: store.reviews.length + 1,
    productId: Number(req.params.id),
    author: req.user.username,
    text: String(text),
  };
  store.reviews.push(review);
  res.status(201).json(review);
});

app.get("/api/orders", requireUser, (req, res) => {
  res.json(store.orders.filter((order) => order.userId === req.user.id));
});

app.post("/api/orders", requireUser, (req, res) => {
  const product = store.products.find((item) => item.id === Number((req.body || {}).product_id));
  const quantity = Number((req.body || {}).quantity);
  if (!product || !(quantity > 0)) return res.status(400).json({ error: "no such product" });
  const order = { id: store.orders.length + 1, userId: req.user.id, product_id: product.id, quantity };
  store.orders.push(order);
  fs.writeFileSync(path.join(store.invoiceDir, `order-${order.id}.txt`), JSON.stringify(order));
  res.status(201).json(order);
});

app.get("/api/orders/:id", requireUser, (req, res) => {
  const order = store.orders.find((item) => item.id === Number(req.params.id));
  if (!order) return res.status(404).json({ error: "no such order" });
  res.json(order);
});

app.get("/api/invoices", (req, res) => {
  const file = path.join(store.invoiceDir, String(req.query.name || "sample.txt"));
  fs.readFile(file, (error, content) => {
    if (error) return res.status(404).json({ error: "no such invoice" });
    res.type("text/plain").send(content);
  });
});

app.get("/api/invoices/archive", (req, res) => {
  const name = req.query.name || "sample.txt";
  exec(`tar -cf - -C ${store.invoiceDir} ${name}`, { encoding: "buffer" }, (error, stdout) => {
    if (error) return res.status(400).json({ error: "cannot build the archive" });
    res.type("application/x-tar").send(stdout);
  });
});

app.delete("/api/products/:id", (req, res) => {
  const index = store.products.findIndex((item) => item.id === Number(req.params.id));
  if (index < 0) return res.status(404).json({ error: "no such product" });
  store.products.splice(index, 1);
  res.status(204).end();
});

app.get("/checkout/return", (req, res) => {
  res.redirect(req.query.next || "/");
});

app.use((error, req, res, next) => {
  res.status(error.status || 500).json({ error: error.message, stack: error.stack });
});

const port = Number(process.env.PORT || 5000);
app.listen(port, process.env.HOST || "0.0.0.0", () => console.log(`shop backend on port ${port}`));

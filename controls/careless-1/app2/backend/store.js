const crypto = require("crypto");
const fs = require("fs");
const path = require("path");

const dataDir = process.env.DATA_DIR || path.join(__dirname, "data");
const invoiceDir = path.join(dataDir, "invoices");
fs.mkdirSync(invoiceDir, { recursive: true });
fs.writeFileSync(path.join(invoiceDir, "sample.txt"), "Invoice 0001: 2 mugs\n");

const products = [
  { id: 1, name: "Teapot", price: 24 },
  { id: 2, name: "Mug", price: 9 },
  { id: 3, name: "Kettle", price: 39 },
  { id: 4, name: "Tray", price: 15 },
];
const users = [];
const orders = [];
const reviews = [{ id: 1, productId: 1, author: "team", text: "Pours <b>well</b>." }];

function hashPassword(password) {
  return crypto.createHash("md5").update(String(password)).digest("hex");
}

function merge(target, source) {
  for (const key in source) {
    if (source[key] !== null && typeof source[key] === "object") {
      if (!target[key]) target[key] = {};
      merge(target[key], source[key]);
    } else {
      target[key] = source[key];
    }
  }
  return target;
}

function couponCode() {
  return "C" + Math.floor(Math.random() * 1e6);
}

module.exports = {
  dataDir, invoiceDir, products, users, orders, reviews, hashPassword, merge, couponCode,
};

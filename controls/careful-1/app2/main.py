"""Shop: products, search, reviews, accounts and orders as a JSON API."""

import sqlite3
from typing import Annotated

from fastapi import FastAPI, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.routing import Match

import db
import security
from db import Database
from security import UserId

Username = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{3,40}$")]
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
Term = Annotated[str, Query(min_length=1, max_length=100)]


class Problem(BaseModel):
    detail: str


class NewAccount(BaseModel):
    username: Username
    password: str = Field(min_length=10, max_length=200)


class Credentials(BaseModel):
    username: Username
    password: str = Field(min_length=1, max_length=200)


class Token(BaseModel):
    access_token: str


class Profile(BaseModel):
    username: str
    address: str


class NewProfile(BaseModel):
    address: str = Field(max_length=500)


class Product(BaseModel):
    id: int
    name: str
    price_cents: int


class NewReview(BaseModel):
    text: str = Field(min_length=1, max_length=2000)


class Review(NewReview):
    id: int


class NewOrder(BaseModel):
    product_id: int = Field(ge=1, le=2**31 - 1)
    quantity: int = Field(ge=1, le=100)


class Order(NewOrder):
    id: int


def problems(*codes: int) -> dict[int | str, dict[str, object]]:
    """The documented error answers of a route."""
    return {code: {"model": Problem} for code in codes}


db.init()
app = FastAPI(title="Shop", version="1.0.0", docs_url=None, redoc_url=None)


@app.middleware("http")
async def add_headers(request: Request, call_next):
    response = await call_next(request)
    for name, value in security.HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@app.exception_handler(RequestValidationError)
async def show_invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    """Name the wrong fields without echoing what was sent."""
    details = [
        {"loc": item["loc"], "msg": item["msg"], "type": item["type"]} for item in error.errors()
    ]
    return JSONResponse({"detail": details}, 422)


@app.exception_handler(405)
async def show_method_not_allowed(request: Request, _error: Exception) -> JSONResponse:
    """Name every method of the path; the framework alone names those of its first route."""
    routes = [route for route in app.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in routes for method in getattr(route, "methods", None) or ()}
    headers = {"Allow": ", ".join(sorted(methods))}
    return JSONResponse({"detail": "method not allowed"}, 405, headers)


@app.get("/")
def index() -> dict[str, str]:
    return {"service": "shop", "description": "/openapi.json"}


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/api/register", status_code=201, responses=problems(400, 409))
def register(account: NewAccount, database: Database) -> Profile:
    password = security.hash_password(account.password)
    query = "INSERT INTO users (username, password) VALUES (?, ?)"
    try:
        database.execute(query, (account.username, password))
    except sqlite3.IntegrityError:
        raise HTTPException(409, "username is taken") from None
    return Profile(username=account.username, address="")


@app.post("/api/login", responses=problems(400, 401, 429))
def login(credentials: Credentials, database: Database) -> Token:
    security.check_throttle(credentials.username)
    query = "SELECT id, password FROM users WHERE username = ?"
    user = database.execute(query, (credentials.username,)).fetchone()
    stored = user["password"] if user else None
    if not security.password_matches(stored, credentials.password):
        security.record_failure(credentials.username)
        raise HTTPException(401, "wrong username or password")
    return Token(access_token=security.issue_token(database, user["id"]))


@app.get("/api/profile", responses=problems(401))
def read_profile(user_id: UserId, database: Database) -> Profile:
    query = "SELECT username, address FROM users WHERE id = ?"
    return Profile(**database.execute(query, (user_id,)).fetchone())


@app.put("/api/profile", responses=problems(400, 401))
def update_profile(profile: NewProfile, user_id: UserId, database: Database) -> Profile:
    query = "UPDATE users SET address = ? WHERE id = ?"
    database.execute(query, (profile.address, user_id))
    return read_profile(user_id, database)


@app.get("/api/products")
def list_products(database: Database) -> list[Product]:
    rows = database.execute("SELECT id, name, price_cents FROM products ORDER BY id LIMIT 100")
    return [Product(**row) for row in rows]


def find_product(database: sqlite3.Connection, product_id: int) -> Product:
    """A product by its id; 404 when there is none."""
    query = "SELECT id, name, price_cents FROM products WHERE id = ?"
    row = database.execute(query, (product_id,)).fetchone()
    if row is None:
        raise HTTPException(404, "no such product")
    return Product(**row)


@app.get("/api/products/{product_id}", responses=problems(404))
def read_product(product_id: Id, database: Database) -> Product:
    return find_product(database, product_id)


@app.get("/api/search")
def search(q: Term, database: Database) -> list[Product]:
    query = "SELECT id, name, price_cents FROM products WHERE instr(lower(name), lower(?)) LIMIT 50"
    return [Product(**row) for row in database.execute(query, (q,))]


@app.get("/api/products/{product_id}/reviews", responses=problems(404))
def list_reviews(product_id: Id, database: Database) -> list[Review]:
    find_product(database, product_id)
    query = "SELECT id, text FROM reviews WHERE product_id = ? ORDER BY id DESC LIMIT 100"
    return [Review(**row) for row in database.execute(query, (product_id,))]


@app.post("/api/products/{product_id}/reviews", status_code=201, responses=problems(400, 401, 404))
def add_review(product_id: Id, review: NewReview, user_id: UserId, database: Database) -> Review:
    find_product(database, product_id)
    query = "INSERT INTO reviews (user_id, product_id, text) VALUES (?, ?, ?)"
    cursor = database.execute(query, (user_id, product_id, review.text))
    return Review(id=cursor.lastrowid, text=review.text)


@app.get("/api/orders", responses=problems(401))
def list_orders(user_id: UserId, database: Database) -> list[Order]:
    query = "SELECT id, product_id, quantity FROM orders WHERE user_id = ? LIMIT 1000"
    return [Order(**row) for row in database.execute(query, (user_id,))]


@app.post("/api/orders", status_code=201, responses=problems(400, 401, 404))
def place_order(order: NewOrder, user_id: UserId, database: Database) -> Order:
    find_product(database, order.product_id)
    query = "INSERT INTO orders (user_id, product_id, quantity) VALUES (?, ?, ?)"
    cursor = database.execute(query, (user_id, order.product_id, order.quantity))
    return Order(id=cursor.lastrowid, product_id=order.product_id, quantity=order.quantity)


@app.get("/api/orders/{order_id}", responses=problems(401, 404))
def read_order(order_id: Id, user_id: UserId, database: Database) -> Order:
    query = "SELECT id, product_id, quantity FROM orders WHERE id = ? AND user_id = ?"
    row = database.execute(query, (order_id, user_id)).fetchone()
    if row is None:
        raise HTTPException(404, "no such order")
    return Order(**row)

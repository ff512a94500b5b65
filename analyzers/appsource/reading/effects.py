"""Changes of the app's state in a handler's body, as far as its text shows them."""

import ast
import re
from collections.abc import Sequence

_SQL = re.compile(
    r"\b(INSERT\s+(?:OR\s+\w+\s+)?INTO|REPLACE\s+INTO|UPDATE\s+[\w.\"`\[\]{}]+\s+SET|DELETE\s+FROM|"
    r"DROP\s+(?:TABLE|DATABASE|SCHEMA|INDEX)|TRUNCATE\s+\w|ALTER\s+TABLE|"
    r"CREATE\s+TABLE\s+(?!IF\s+NOT\b))",
    re.IGNORECASE,
)
_PYTHON = re.compile(
    r"\b(?:session|db|conn\w*|database|cursor)\.(?:add|add_all|delete|merge|commit|bulk_\w+)\(|"
    r"\b(?:db|metadata|Base\.metadata)\.(?:create_all|drop_all)\(|"
    r"\.save\(|\.objects(?:\.\w+\([^()]*\))*\.(?:create|bulk_create|update|delete|get_or_create|"
    r"update_or_create)\(|\.(?:insert_one|insert_many|update_one|update_many|delete_one|"
    r"delete_many|replace_one|drop_collection|find_one_and_\w+)\(|"
    r"\bos\.(?:remove|unlink|rmdir|rename|replace|makedirs|mkdir|kill|system)\(|\bshutil\.\w+\(|"
    r"\.(?:unlink|write_text|write_bytes|rmdir|mkdir)\(|\bsys\.exit\(|\bos\._exit\(|"
    r"\bopen\([^()]*,\s*['\"][wax]b?\+?['\"]|\bsession\.(?:clear|pop)\(|\blogout_user\(|"
    r"\b(?:logout|flush_?all|flushdb|drop_all|create_all|call_command)\(|"
    r"\.(?:incr|decr|hset|lpush|rpush|sadd|zadd|flushall)\("
)
JAVASCRIPT = re.compile(
    r"\.(?:save|create|createMany|insert|insertOne|insertMany|updateOne|updateMany|deleteOne|"
    r"deleteMany|findByIdAndUpdate|findByIdAndDelete|findOneAndUpdate|findOneAndDelete|upsert|"
    r"destroy|bulkCreate|bulkWrite|truncate|dropDatabase|replaceOne|increment|remove)\(|"
    r"\b(?:prisma|db|tx)\.\w+\.(?:update|delete)\(|"
    r"\bfs(?:\.promises)?\.(?:write\w*|append\w*|unlink\w*|rm\w*|mkdir\w*|rename\w*)\(|"
    r"\bprocess\.(?:exit|kill)\(|\.(?:push|splice|unshift)\(|\breq\.(?:logout|session\.destroy)\("
)
_OTHERS = re.compile(r"\.method\s*==\s*'(POST|PUT|PATCH|DELETE)'|validate_on_submit\(\)")
_GET = re.compile(r"\.method\s*==\s*'GET'")
_LOCAL = re.compile(r"\b(?:const|let|var)\s+(\w+)\s*=\s*(?:\[\]|\{\}|new (?:Array|Set|Map)\b)")


def python_writes(node: ast.AST, method: str = "GET") -> str:
    """What a Python handler visibly writes when called with `method`; empty where nothing."""
    body = node.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else [node]
    if method == "GET":
        body = _for_get(body)
    text = "\n".join(ast.unparse(statement) for statement in body)
    return sql_writes(text) or _shown(_PYTHON.search(text))


def sql_writes(text: str) -> str:
    """The SQL in a text that changes data."""
    return _shown(_SQL.search(text))


def javascript_writes(text: str) -> str:
    """What a JavaScript handler visibly writes; additions to its own lists do not count."""
    if found := sql_writes(text):
        return found
    own = set(_LOCAL.findall(text))
    for hit in JAVASCRIPT.finditer(text):
        if hit[0].startswith((".push", ".splice", ".unshift")):
            owner = re.search(r"(\w+)$", text[: hit.start()])
            if owner is None or owner[1] in own:
                continue
        return _shown(hit)
    return ""


def _shown(hit: "re.Match[str] | None") -> str:
    return " ".join(hit[0].split())[:80] if hit else ""


def _for_get(body: Sequence[ast.AST]) -> list[ast.AST]:
    """The statements that a GET reaches, as far as tests of the method show."""
    found: list[ast.AST] = []
    for node in body:
        if not isinstance(node, ast.If):
            found.append(node)
            continue
        test = ast.unparse(node.test)
        if _OTHERS.search(test):
            found += _for_get(node.orelse)
        elif _GET.search(test) and isinstance(node.body[-1], ast.Return):
            return [*found, *node.body]
        else:
            found.append(node)
    return found

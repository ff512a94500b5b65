"""Common Weakness Enumeration numbers of rules whose tools give none, and their severity."""

from contract.analysis import Severity

_H, _M, _L, _I = Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO

# By the number that bandit (`B`) and ruff (`S`) share. Their own CWE numbers are often a
# neighbour's or a parent's, and some are wrong: `exec` and `eval` run code (95), not a command
# (78); a YAML loader makes objects (502) and an XML parser follows entities (611, 776), where
# bandit reports input validation (20); `urlopen` asks for any address (918) and does not leave a
# folder (22).
_PYTHON: dict[int, tuple[tuple[int, ...], Severity]] = {
    101: ((703,), _I),
    102: ((95,), _M),
    103: ((732,), _M),
    104: ((605,), _L),
    105: ((798,), _L),
    106: ((798,), _L),
    107: ((798,), _L),
    108: ((377,), _L),
    110: ((703,), _I),
    112: ((703,), _I),
    113: ((400,), _L),
    201: ((489,), _H),
    202: ((22,), _H),
    301: ((502,), _M),
    302: ((502,), _M),
    303: ((328,), _M),
    304: ((327,), _H),
    305: ((327,), _M),
    306: ((377,), _M),
    307: ((95,), _M),
    308: ((79,), _M),
    310: ((918,), _L),
    311: ((330,), _L),
    312: ((319,), _H),
    313: ((611, 776), _M),
    314: ((611, 776), _M),
    315: ((611, 776), _M),
    316: ((611, 776), _M),
    317: ((611, 776), _M),
    318: ((611, 776), _M),
    319: ((611, 776), _M),
    321: ((319,), _H),
    323: ((295,), _M),
    324: ((328,), _M),
    405: ((611, 776), _L),
    406: ((611, 776), _L),
    407: ((611, 776), _L),
    408: ((611, 776), _L),
    409: ((611, 776), _L),
    411: ((611, 776), _L),
    501: ((295,), _H),
    502: ((327,), _H),
    503: ((327,), _M),
    504: ((327,), _L),
    505: ((326,), _H),
    506: ((502,), _M),
    507: ((295,), _H),
    508: ((319,), _M),
    509: ((319,), _M),
    601: ((78,), _M),
    602: ((78,), _H),
    603: ((78,), _L),
    604: ((78,), _M),
    605: ((78,), _H),
    606: ((78,), _L),
    607: ((426,), _L),
    608: ((89,), _M),
    609: ((155, 78), _H),
    610: ((89,), _M),
    611: ((89,), _M),
    612: ((94,), _M),
    613: ((1007,), _H),
    614: ((502,), _M),
    615: ((494,), _M),
    701: ((79,), _H),
    702: ((79,), _M),
    703: ((79,), _M),
    704: ((79,), _M),
}
_BANDIT_ONLY = frozenset({405, 406, 407, 408, 409, 411, 613, 614, 615, 703})

BANDIT_CWE: dict[str, tuple[int, ...]] = {
    f"B{number}": numbers for number, (numbers, _) in _PYTHON.items()
}
RUFF_SECURITY: dict[str, tuple[tuple[int, ...], Severity]] = {
    f"S{number}": worth for number, worth in _PYTHON.items() if number not in _BANDIT_ONLY
}

ESLINT_SECURITY: dict[str, tuple[int, Severity]] = {
    "no-eval": (95, _H),
    "no-implied-eval": (95, _H),
    "no-new-func": (95, _H),
    "no-script-url": (79, _M),
    "no-unsanitized/method": (79, _H),
    "no-unsanitized/property": (79, _H),
    "react/jsx-no-script-url": (79, _M),
    "react/jsx-no-target-blank": (1022, _L),
    "react/no-danger": (79, _M),
    "security/detect-bidi-characters": (1007, _M),
    "security/detect-buffer-noassert": (119, _M),
    "security/detect-child-process": (78, _M),
    "security/detect-disable-mustache-escape": (79, _M),
    "security/detect-eval-with-expression": (95, _H),
    "security/detect-invisible-characters": (1007, _L),
    "security/detect-new-buffer": (119, _M),
    "security/detect-no-csrf-before-method-override": (352, _M),
    "security/detect-non-literal-fs-filename": (22, _L),
    "security/detect-non-literal-regexp": (1333, _L),
    "security/detect-non-literal-require": (95, _M),
    "security/detect-possible-timing-attacks": (208, _L),
    "security/detect-pseudoRandomBytes": (338, _M),
    "security/detect-unsafe-regex": (1333, _M),
}

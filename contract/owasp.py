"""Categories of the OWASP Top 10 2021, by Common Weakness Enumeration number."""

from collections.abc import Iterable

CATEGORIES = {
    "A01": "Broken Access Control",
    "A02": "Cryptographic Failures",
    "A03": "Injection",
    "A04": "Insecure Design",
    "A05": "Security Misconfiguration",
    "A06": "Vulnerable and Outdated Components",
    "A07": "Identification and Authentication Failures",
    "A08": "Software and Data Integrity Failures",
    "A09": "Security Logging and Monitoring Failures",
    "A10": "Server-Side Request Forgery",
}
# "List of Mapped CWEs" of each category on owasp.org/Top10 (MITRE's view CWE-1344).
_MAPPED = {
    "A01": """22 23 35 59 200 201 219 264 275 276 284 285 352 359 377 402 425 441 497 538 540 548
        552 566 601 639 651 668 706 862 863 913 922 1275""",
    "A02": """261 296 310 319 321 322 323 324 325 326 327 328 329 330 331 335 336 337 338 340 347
        523 720 757 759 760 780 818 916""",
    "A03": """20 74 75 77 78 79 80 83 87 88 89 90 91 93 94 95 96 97 98 99 100 113 116 138 184 470
        471 564 610 643 644 652 917""",
    "A04": """73 183 209 213 235 256 257 266 269 280 311 312 313 316 419 430 434 444 451 472 501
        522 525 539 579 598 602 642 646 650 653 656 657 799 807 840 841 927 1021 1173""",
    "A05": "2 11 13 15 16 260 315 520 526 537 541 547 611 614 756 776 942 1004 1032 1174",
    "A06": "937 1035 1104",
    "A07": """255 259 287 288 290 294 295 297 300 302 304 306 307 346 384 521 613 620 640 798 940
        1216""",
    "A08": "345 353 426 494 502 565 784 829 830 915",
    "A09": "117 223 532 778",
    "A10": "918",
}
# OWASP maps not these numbers but an ancestor of each in MITRE's research view (CWE-1000): the
# nearest one that it maps. 1395 was made after 2021, for what A06 is about.
_INHERITED = """155:138 208:200 250:269 427:668 527:552 530:552 732:285 943:74 1007:451 1022:266
    1321:915 1336:94 1391:287 1395:1104 1427:77"""
_ANCESTORS = {
    number: ancestor for number, _, ancestor in (pair.partition(":") for pair in _INHERITED.split())
}
NONE = frozenset({119, 400, 489, 605, 672, 693, 703, 754, 755, 1333})
"""Numbers that our tools report and that neither OWASP nor an ancestor puts in a category."""

_OF_OWASP = {number: category for category, text in _MAPPED.items() for number in text.split()}
_CATEGORY_OF = {
    int(number): category
    for number, category in (
        _OF_OWASP | {number: _OF_OWASP[ancestor] for number, ancestor in _ANCESTORS.items()}
    ).items()
}


def category_of(number: int) -> str:
    """The category (`A03`) of one number; empty if OWASP puts it in none.

    >>> category_of(89), category_of(489)
    ('A03', '')
    """
    return _CATEGORY_OF.get(number, "")


def owasp_of(cwe: Iterable[int]) -> tuple[str, ...]:
    """The category of a weakness: of its most specific number that has one.

    >>> owasp_of((489, 209)), owasp_of((693,))
    (('A04',), ())
    """
    return next(((category,) for number in cwe if (category := category_of(number))), ())

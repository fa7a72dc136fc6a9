"""The text rules of tag normalization, as SQL expressions that an auditor can read in the rendered query.

Every rule is one macro that takes a tag and returns a tag. None of them needs look-around or back-references, which
the regular expressions of DuckDB (RE2) and Spark (Java) write differently.
"""

from sqlglot import exp
from sqlmesh import macro

# Runs of text that end after two or more lower-case letters before a capital: "spellCheck" is two such runs, while
# "iOS", "PhD", "LaTeX" and "3D" are one.
# The whole is one group, because Spark extracts group 1.
CAMEL_CASE_RUN = r"((?:[^\p{Ll}]+|\p{Ll}(?:[^\p{Ll}]|$)|\p{Ll}{2,}[^\p{Ll}\p{Lu}])*(?:\p{Ll}{2,})?)"
SEPARATORS = r"[ \t\n\f\r\p{Z}\p{Pd}_/\\|,;:·•・、，；：-]+"
WHITE_SPACE = r"[ \t\n\f\r\p{Z}]+"
# What engines trim, and what \s is to them, differs: the characters are written out.
SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
# What may stand in a tag: letters, marks, digits, symbols such as emoji, joiners of scripts that need them, and the
# signs that carry meaning in names: C++, C#, .NET, R&D, Newton's. Separators are here for when their rule is off.
NO_PART_OF_A_TAG = r"[^\p{L}\p{M}\p{N}\p{So}\x{200C}\x{200D} +#.&''_/-]+"


def _sql(expression: exp.Expression) -> str:
    return expression.sql(dialect="duckdb")


def _trimmed(text: str) -> str:
    return f"TRIM({text}, '{SPACES}')"


def _replaced(text: str, *replacements: tuple[str, str]) -> str:
    for pattern, replacement in replacements:
        text = f"REGEXP_REPLACE({text}, '{pattern}', '{replacement}', 'g')"
    return text


@macro()
def split_camel_case(evaluator, tag: exp.Expression) -> str:
    """spellCheck -> spell Check; iOS, PhD, LaTeX and 3D stay whole."""
    text = _sql(tag)
    runs = _trimmed(f"ARRAY_TO_STRING(REGEXP_EXTRACT_ALL({text}, '{CAMEL_CASE_RUN}', 1), ' ')")
    return f"CASE WHEN REGEXP_MATCHES({text}, '\\p{{Ll}}\\p{{Ll}}\\p{{Lu}}') THEN {runs} ELSE {text} END"


@macro()
def lower_case(evaluator, tag: exp.Expression) -> str:
    """Grammar -> grammar. Two letters go first: Java lowers İ to two characters, and Σ at the end of a word to ς."""
    return f"LOWER(TRANSLATE({_sql(tag)}, 'İΣ', 'iσ'))"


@macro()
def space_separators(evaluator, tag: exp.Expression) -> str:
    """spell_check, spell-check, spell/check -> spell check; a list's commas and colons separate words too."""
    return _replaced(_sql(tag), (SEPARATORS, " "))


@macro()
def strip_punctuation(evaluator, tag: exp.Expression) -> str:
    """ "Grammar" (check)! -> Grammar check, but C++, C#, .NET, Node.js, R&D and Newton's keep what they need."""
    text = _sql(tag)
    plain_quotes = f"TRANSLATE({text}, '’‘ʼ´`', '''''''''''')"
    padded = f"' ' || {_replaced(plain_quotes, (NO_PART_OF_A_TAG, ' '))} || ' '"
    stripped = _replaced(
        padded,
        (r"\.\.+", " "),
        (" (& )+", " and "),
        (" [#''&]+", " "),  # at the start of a word: hashtags, quotes
        ("[.''&]+ ", " "),  # at the end of a word
        (r" ([^\p{L}\p{N}\p{So} ]+ )+", " "),  # words of signs alone
    )
    # Most tags are plain words: one look spares them the rest.
    return _trimmed(f"CASE WHEN REGEXP_MATCHES({text}, '[^A-Za-z0-9 ]') THEN {stripped} ELSE {text} END")


@macro()
def collapse_white_space(evaluator, tag: exp.Expression) -> str:
    """One space between words, none around them."""
    return _trimmed(_replaced(_sql(tag), (WHITE_SPACE, " ")))


@macro()
def strip_leading_words(evaluator, tag: exp.Expression, words: exp.Expression) -> str:
    """the spell check -> spell check; provide feedback -> feedback. "A B testing" keeps its A, "the" alone stays."""
    text = _sql(tag)
    listed = [word.name for word in (words.expressions if isinstance(words, (exp.Array, exp.Tuple)) else [words])]
    if not any(listed):
        return text
    group = "(" + "|".join(exp.Literal.string(word).sql(dialect="duckdb")[1:-1] for word in listed) + ")"
    stripped = _replaced(text, (f"^({group} )+", ""))
    return f"CASE WHEN REGEXP_MATCHES({text}, '^({group} )*a [^ ]( |$)') THEN {text} ELSE {stripped} END"


@macro()
def glue_words(evaluator, tag: exp.Expression) -> str:
    """Key that is the same for java script, javascript, node.js and node js; .NET and version numbers stay apart."""
    text = _sql(tag)
    glued = f"REPLACE(REPLACE(REPLACE(' ' || {text}, ' .', '•'), ' ', ''), '.', '')"
    return f"CASE WHEN REGEXP_MATCHES({text}, '\\p{{N}}[ .]+\\p{{N}}') THEN {text} ELSE {glued} END"


@macro()
def drop_plural_s(evaluator, glued_tag: exp.Expression) -> str:
    """Key that is the same for databases and data base: a last s of six letters or more, but not of ss, is and us."""
    text = _sql(glued_tag)
    keeps = f"LENGTH({text}) < 6 OR REGEXP_MATCHES({text}, '[siu]s$')"
    return f"CASE WHEN {keeps} THEN {text} ELSE {_replaced(text, ('s$', ''))} END"

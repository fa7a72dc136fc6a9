"""Whatever is edited, a planned change leaves the tables that a build from nothing makes with the same cache.

Every variable of config.yaml is changed once, every macro file is edited without a change of meaning, alone and
together with a variable; each time on a copy of one built project, judged by a server on loopback.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_endpoint import Behaviour, FakeEndpoint
from filelock import FileLock
from fresh_build import build_fresh, differing_tables
from project_copy import ProjectCopy
from sqlmesh import Context
from sqlmesh.core import constants
from sqlmesh.core.console import configure_console

from python_models.embedded.weights import embedder_path
from python_models.settings import PROJECT_ROOT
from python_models.stale_children import categorize_safely

MACRO_FILES = sorted(path.name for path in (PROJECT_ROOT / "macros").glob("[a-z]*.py"))
TAGS = (
    "Spell Checks", "spell_check", "spellCheck", "the spell check", "Java Script", "javascript", "écriture",
    "translation", "Translate", "translator", "poem", "poems", "poetry", "C++", "logic", "arithmetics",
    "cooking recipes", "recipe", "history", "World History", "giving feedback", "bread", "science", "rare thing",
)  # fmt: skip

ALTERNATIVES: dict[str, Any] = {
    "dataset": "{root}/other.jsonl",
    "column_mapping": "instruction=instruction, response=output",
    "local_model": "{root}/other.gguf",
    "tag_explanations": True,
    "max_prompt_chars": 40,
    "max_attempts": 2,
    "max_failure_share": 0.5,
    "rule_unicode": False,
    "rule_camel_case": False,
    "rule_letter_case": False,
    "rule_separators": False,
    "rule_punctuation": False,
    "rule_white_space": False,
    "rule_leading_words": False,
    "leading_words": ["the"],
    "rule_word_breaks": False,
    "rule_stemming": False,
    "stemming_scope": "families",
    "stemming_language": "french",
    "min_tag_frequency": 8,
    "min_tag_share": 0.1,
    "frequency_filter": "before_rules",
    "association_min_support": 3,
    "association_min_confidence": 0.5,
    "association_min_lift": 1.5,
    "semantic_min_similarity": 0.7,
    "drift_max_tags": 3,
    "embedding_model": str(embedder_path()),
    "n_clusters": 3,
    "cluster_refit": "cold",
    "random_seed": 7,
    "judge_wording": "b",
    "cluster_membership": "all",
    "candidate_rule": "longest_per_cluster_set",
    "judging_profile": "paper",
    "judge_calls_per_sample": 2,
    "audit_pair_share": 0.3,
    "audit_wording_share": 0.3,
    "audit_judge_share": 0.3,
    "has_singleton_scores": True,
    "selection_size": 9,
    "samples_per_cluster": 2,
    "sample_limit": 40,
    "association_min_bound": 0.5,
    "cluster_on": "tags",
    "cluster_fit_size": 20,
    "tagging_model": "another-tagger",
    "tagging_effort": "low",
    "tagging_max_reply_tokens": 500,
    "judge_model": "another-judge",
    "judge_effort": "low",
    "judge_max_reply_tokens": 300,
    "final_judge_model": "another-final-judge",
    "final_judge_effort": "low",
    "review_sample_size": 3,
    "coherence_sample_size": 20,
    "flat_score_spread": 40,
    "max_malformed_share": 0.9,
    "max_untagged_share": 0,
    "max_tag_share": 0.01,
    "max_single_cluster_share": 0,
    "max_cluster_share": 0.05,
    "min_cluster_agreement": 0.99,
    "max_flat_cluster_share": 0.01,
    "max_flip_rate": 0,
    "max_position_shift": 0,
    "max_length_correlation": 0,
    "allow_grave_signatures": True,
}
"""Another value of every variable of config.yaml: one that changes tables where the variable can."""

Edit = Callable[[Path], None]


def set_variables(**values: Any) -> Edit:
    """An edit of config.yaml: other values of variables, those of the gateway among them."""

    def edit(root: Path) -> None:
        path = root / "config.yaml"
        text = path.read_text(encoding="utf-8")
        for name, value in values.items():
            value = value.format(root=root) if isinstance(value, str) else value
            shown = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()
            text, n = re.subn(
                rf"^(\s+{name}:) [^#\n]*", rf"\1 {shown} ".replace("\\", r"\\").replace(r"\\1", r"\1"), text, flags=re.M
            )
            assert n, f"config.yaml has no variable {name}"
        path.write_text(text, encoding="utf-8")

    return edit


def comment_macros(name: str) -> Edit:
    """An edit of a macro file that changes no meaning: a comment, and other words in a docstring."""

    def edit(root: Path) -> None:
        path = root / "macros" / name
        text = path.read_text(encoding="utf-8").replace('    """', '    """Said otherwise. ', 1)
        path.write_text(text + "\n# A comment.\n", encoding="utf-8")

    return edit


def names_of(statement: ast.stmt) -> set[str]:
    """Names that an assignment of a module gives."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


class Renaming(ast.NodeTransformer):
    """Another name for every local variable and every private function and constant of a module.

    Not for ``evaluator``: SQLMesh finds the variables that a macro reads by that name.
    """

    def __init__(self, module: ast.Module) -> None:
        nodes = list(ast.walk(module))
        stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("_")}
        public = {name for statement in module.body for name in names_of(statement) if not name.startswith("_")}
        arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
        self.names = (stored | functions) - public - arguments

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = f"{node.id}_renamed" if node.id in self.names else node.id
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = f"{node.name}_renamed" if node.name in self.names else node.name
        self.generic_visit(node)
        return node


def rename_in_macros(name: str) -> Edit:
    """An edit of a macro file that changes no meaning: local variables and private helpers get other names."""

    def edit(root: Path) -> None:
        path = root / "macros" / name
        module = ast.parse(path.read_text(encoding="utf-8"))
        path.write_text(ast.unparse(Renaming(module).visit(module)), encoding="utf-8")

    return edit


def both(*edits: Edit) -> Edit:
    def edit(root: Path) -> None:
        for each in edits:
            each(root)

    return edit


EDITS: dict[str, Edit] = {
    **{name: set_variables(**{name: value}) for name, value in ALTERNATIVES.items()},
    **{f"comment {file}": comment_macros(file) for file in MACRO_FILES},
    **{f"rename {file}": rename_in_macros(file) for file in MACRO_FILES},
    **{
        f"rename {file} and calls": both(rename_in_macros(file), set_variables(judge_calls_per_sample=2))
        for file in MACRO_FILES
    },
    "rename all and clusters": both(*(rename_in_macros(file) for file in MACRO_FILES), set_variables(n_clusters=3)),
}


def make_records() -> list[tuple[str, str]]:
    """96 samples that name their tags, of lengths and qualities that differ."""
    records = []
    for number in range(96):
        tags = [
            TAGS[number % len(TAGS)],
            TAGS[(number * 5 + 2) % len(TAGS)],
            TAGS[(number * 7 + number // 24) % len(TAGS)],
        ]
        records.append(
            (f"Please do number {number} of <{'|'.join(tags)}>, thank you.", "word " * (number * 37 % 50 + 1))
        )
    return records


def tag_by_name(prompt: str) -> list[str]:
    return re.findall(r"<(.*)>", prompt)[0].split("|") if ">" in prompt else ["cut"]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[ProjectCopy]:
    """One built project, the same for all workers; its server answers alike in all of them."""
    with FakeEndpoint(Behaviour(tag=tag_by_name)) as endpoint:
        environment = {"TACOS_GATEWAY": "openai", "OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": "sk-no-worth"}
        shared = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
        root = shared / "metamorphic"
        with FileLock(f"{root}.lock"):
            if not (root / "warehouse.duckdb").exists():
                root.mkdir()
                project = ProjectCopy(root, environment)
                project.write_samples(make_records())
                shutil.copy(project.dataset, root / "other.jsonl")
                with (root / "other.jsonl").open("a", encoding="utf-8") as lines:
                    lines.write('{"instruction": "One more of <poem|rhymes>?", "output": "No."}\n')
                (root / "other.gguf").touch()
                for file in (project.dataset, root / "other.jsonl"):
                    os.utime(file, (time.time() - 3 * 86_400,) * 2)
                # By this process, as the changes are planned: SQLMesh keeps what a macro imports with it in other words
                # where it lies outside of the project's folder.
                with pytest.MonkeyPatch.context() as patch:
                    context = open_project(project, patch)
                    context.plan(auto_apply=True, no_prompts=True, skip_tests=True, run=True, ignore_cron=True)
                    context.close()
        yield ProjectCopy.opened(root, environment)


def open_project(project: ProjectCopy, patch: pytest.MonkeyPatch) -> Context:
    """The project of a copy in this process, with its prompts and its environment."""
    for name, value in project.variables().items():
        patch.setenv(name, value)
    for module in ("prompts", "variables"):
        patch.setattr(f"python_models.{module}.PROJECT_ROOT", project.root)
    patch.chdir(project.root)
    # A process that holds the threads of DuckDB must not be forked.
    patch.setattr(constants, "MAX_FORK_WORKERS", 1)
    configure_console()  # a failed plan says why in what it prints, not in its exception
    return Context(paths=str(project.root))


IN_EVERY_LANDING = {"stemming_scope", "judging_profile", "rename judging.py and calls"}
"""Edits that CI tries; the others are up to make exhaustive."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in IN_EVERY_LANDING else pytest.mark.exhaustive)
        for name in EDITS
    ],
)
def test_a_planned_change_leaves_the_tables_of_a_fresh_build(
    name: str, built: ProjectCopy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = built.copied_to(tmp_path / "project")
    EDITS[name](project.root)
    context = open_project(project, monkeypatch)
    if " and" in name:
        # What renders to the same SQL beside a changed setting is refused by sqlmesh plan, and mended by tacos run.
        context.apply(categorize_safely(context.plan_builder(skip_tests=True)).build())
    else:
        context.plan(auto_apply=True, no_prompts=True, skip_tests=True)
    build_fresh(context, tmp_path / "fresh.duckdb")
    context.close()
    assert differing_tables(context, project.root / "warehouse.duckdb", tmp_path / "fresh.duckdb") == []

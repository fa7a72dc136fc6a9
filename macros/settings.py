"""What is checked before `sqlmesh plan` and `sqlmesh run` execute anything, and what is kept after it."""

import sys

from sqlmesh import macro

from python_models.cli.warehouse import check_that_it_opens
from python_models.execution import execute_lightly
from python_models.loading import load_lightly
from python_models.settings import database_path, make_spark_folder, uses_spark
from python_models.spark import keep_inner_steps
from python_models.terminal import UserError
from python_models.variable_rules import check_variables
from python_models.variables import configured_variables

load_lightly()  # `sqlmesh` loads the macros before the models
execute_lightly()

# `sqlmesh plan` loads the macros before it opens the warehouse, and has no words of its own for one that is held, nor
# for a variable that means nothing, which would end in the middle of some model; `sqlmesh run` opens the file first.
try:
    check_variables(configured_variables())
    if uses_spark():
        make_spark_folder()  # DuckDB, which keeps SQLMesh's state there, makes no folders
        keep_inner_steps()
    else:
        check_that_it_opens(database_path())
except UserError as error:
    sys.exit(error.message)


@macro()
def check_settings(evaluator):
    """Stop with a line for every setting that is wrong; tell where a run reads another dataset than the one set now.

    Audits are told here in which environment they are.
    """
    import sys

    from python_models.cli.checks import check_settings as check
    from python_models.cli.checks import tell_of_another_dataset
    from python_models.environments import enter
    from python_models.terminal import UserError

    if evaluator.runtime_stage != "before_all":
        return
    enter(evaluator.this_env)
    dataset = evaluator.var("dataset")
    variables = {
        "dataset": dataset,
        "tagging_model": evaluator.var("tagging_model"),
        "judge_model": evaluator.var("judge_model"),
        "local_model": evaluator.var("local_model"),
    }
    try:
        check(variables)
    except UserError as error:
        sys.exit(error.message)  # any other way out, SQLMesh prints with the macro's code around it
    tell_of_another_dataset(dataset)


@macro()
def forget_the_last_run(evaluator):
    """What is executed from here on may be left half done: until it is whole, no run can be left out."""
    from python_models.last_run.receipt import begin

    if evaluator.runtime_stage == "before_all":
        begin()


@macro()
def keep_the_last_run(evaluator):
    """Remember what was read and left, so that a run that would read and leave the same is not made."""
    from python_models.last_run.receipt import end

    if evaluator.runtime_stage == "after_all" and evaluator.engine_adapter.dialect == "duckdb":
        end(evaluator.engine_adapter.fetchall)

"""What is checked before `sqlmesh plan` and `sqlmesh run` execute anything."""

from sqlmesh import macro


@macro()
def check_settings(evaluator):
    """Stop with a line for every setting that is wrong; tell where a run reads another dataset than the one set now."""
    from python_models.cli.checks import check_settings as check
    from python_models.cli.checks import tell_of_another_dataset

    if evaluator.runtime_stage != "before_all":
        return
    dataset = evaluator.var("dataset")
    check(
        {
            "dataset": dataset,
            "tagging_model": evaluator.var("tagging_model"),
            "judge_model": evaluator.var("judge_model"),
            "local_model": evaluator.var("local_model"),
        }
    )
    tell_of_another_dataset(dataset)

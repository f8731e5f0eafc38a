"""Of everything that was submitted, the last task of each step counts."""


def test_a_mended_step_takes_the_place_of_the_one_that_failed(noted):
    """The code changed, so the key did; the run is one run all the same."""
    assert noted.submit(cluster={"max_array_size": 10}) == 0
    (submission,) = noted.ledger.submissions()
    old = {task.key for task in submission.tasks}
    renamed = tuple(
        array.model_copy(
            update={
                "tasks": tuple(t.model_copy(update={"key": f"new{t.key}"}) for t in array.tasks)
            }
        )
        for array in submission.arrays
    )
    noted.ledger.write(submission.model_copy(update={"id": "9999", "arrays": renamed}))
    assert {key.removeprefix("new") for key in noted.ledger.latest_tasks()} == old
    assert all(key.startswith("new") for key in noted.ledger.latest_tasks())

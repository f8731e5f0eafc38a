"""Steps become arrays: same resources together, task i after task i, nothing that runs already."""

from slurm.submit.arrays import make_arrays

ONE = lambda step: "any"  # noqa: E731


def keys(steps):
    return [step.key for step in steps]


def plans(session_plan, seeds):
    return [session_plan(seed=seed) for seed in seeds]


def test_runs_of_the_same_shape_share_arrays_and_stay_aligned(plan):
    runs = plans(plan, range(3))
    arrays = make_arrays([step for run in runs for step in run], ONE, 100)
    assert [array.parent for array in arrays] == [None, 0, 1, 2]
    for place in range(3):
        assert [array.steps[place].key for array in arrays] == keys(runs[place])


def test_what_is_done_is_left_out_and_what_is_left_starts_at_once(plan):
    first, second = plans(plan, range(2))
    arrays = make_arrays([*first[2:], *second], ONE, 100)
    whole = [array for array in arrays if second[0] in array.steps]
    rest = [array for array in arrays if first[2] in array.steps]
    assert whole[0].parent is None and rest[0].parent is None and whole[0] is not rest[0]
    assert sorted(len(array.steps) for array in arrays) == [1] * 6


def test_classes_split_arrays_and_children_follow_their_own(plan):
    """Seed 1 trains its first stage on other nodes: from there on two chains."""
    runs = plans(plan, range(2))

    def class_of(step):
        return "big" if step.run.seed == 1 and step.name == "train/coarse" else "small"

    arrays = make_arrays([step for run in runs for step in run], class_of, 100)
    assert [(a.resources, len(a.steps)) for a in arrays if a.parent is None] == [
        ("small", 1),
        ("big", 1),
    ]
    for array in arrays:
        if array.parent is not None:
            assert array.steps[0].parent in arrays[array.parent].steps


def test_a_shared_first_stage_is_one_task_with_several_children(plan):
    """An ablation of the second stage: each child waits for the one parent."""
    default, stronger = plan(), plan("model.fine.strength=0.9")
    assert default[0].key == stronger[0].key and default[1].key != stronger[1].key
    steps = list({step.key: step for step in [*default, *stronger]}.values())
    arrays = make_arrays(steps, ONE, 100)
    assert len(arrays) == 7 and sum(array.parent == 0 for array in arrays) == 2


def test_arrays_are_cut_to_what_the_cluster_takes_and_children_are_cut_alike(plan):
    runs = plans(plan, range(5))
    arrays = make_arrays([step for run in runs for step in run], ONE, 2)
    assert sorted(len(array.steps) for array in arrays) == [1] * 4 + [2] * 8
    for array in arrays:
        if array.parent is not None:
            parents = [step.parent.key for step in array.steps]
            assert parents == keys(arrays[array.parent].steps)


def test_steps_that_run_already_are_waited_for_and_not_submitted(plan):
    steps = plan()
    arrays = make_arrays(steps, ONE, 100, {steps[0].key: "17_3"}.get)
    assert [keys(array.steps) for array in arrays] == [[step.key] for step in steps[1:]]
    assert arrays[0].running == ("17_3",) and arrays[1].parent == 0

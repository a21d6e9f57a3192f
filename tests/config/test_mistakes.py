"""Every mistake: found, at its place, with the way out (F90 to F95, T06, T13 to T16, T26)."""

from __future__ import annotations

import pytest
from tests.config.conftest import HEAD, problems, target_problems

PULL = "direction: pull\nentrypoint: a.sh\noutputs: [x/**]\n"
GIT = "direction: pull\noutputs: [x/**]\nremote:\n  type: git\n  url: https://example.org/x.git\n"

IN_A_TARGET = [
    ("unknown key", PULL + "direcion: pull", (7, 5, 8), "unknown key `direcion`, did you mean `direction`?", ""),
    ("another separator", PULL + "dry-run-flag: x", (7, 5, 12), "did you mean `dry_run_flag`?", ""),
    ("key of an inner mapping", PULL + "max_delete: 5", (7, 5, 10), "unknown key `max_delete`", "under `policy`"),
    ("key of nothing", PULL + "zzz: 1", (7, 5, 3), "unknown key `zzz`", "known here: direction"),
    ("inner key", PULL + "policy: {on_delet: keep}", (7, 14, 8), "did you mean `on_delete`?", ""),
    (
        "near value",
        "direction: pul\nentrypoint: a.sh",
        (4, 16, 3),
        "pul is no `direction`, did you mean pull?",
        "one of",
    ),
    ("meant value", "direction: both\nentrypoint: a.sh", (4, 16, 4), "did you mean bidirectional?", ""),
    (
        "number for text",
        PULL + "description: 18.0",
        (7, 18, 4),
        "must be text, not 18.0 (a number)",
        'description: "18.0"',
    ),
    ("yes for true", PULL + "git_commit: yes", (7, 17, 3), "must be true or false, not yes", "git_commit: true"),
    ("text for number", PULL + 'priority: "5"', (7, 15, 3), 'must be a whole number, not "5"', "priority: 5"),
    ("fraction for count", PULL + "retries: 1.5", (7, 14, 3), "must be a whole number, not 1.5", ""),
    ("out of range", PULL + "retries: 21", (7, 14, 2), "`retries` must be at most 20", ""),
    (
        "text for list",
        "direction: pull\nentrypoint: a.sh\noutputs: x/**",
        (6, 14, 4),
        "must be a list",
        "outputs: [x/**]",
    ),
    ("list for mapping", PULL + "policy: [1]", (7, 5, 6), "`policy` must be a mapping, not a list", ""),
    ("nothing given", PULL + "description: a\nneeds:", (8, 5, 5), "`needs` has no value", "remove the key"),
    ("duration", PULL + "timeout: 5 minutes", (7, 14, 9), "'5 minutes' is no duration", ""),
    ("duration of nothing", PULL + "timeout: 0s", (7, 14, 2), "lies between 1s and 7d", ""),
    ("schedule", PULL + 'schedule: "@daily"', (7, 15, 8), "write five fields", '"0 0 * * *"'),
    ("impossible date", PULL + 'schedule: "0 0 30 2 *"', (7, 15, 12), "day 30 does not come", ""),
    (
        "unquoted schedule",
        PULL + "schedule: */6 * * * *",
        (7, 15, 1),
        "starting with * must be quoted",
        '"*/6 * * * *"',
    ),
    ("time zone", PULL + "timezone: Europe/Bruxelles", (7, 15, 16), "is not known", "did you mean Europe/Brussels?"),
    ("limit", PULL + "policy: {max_delete: 10 percent}", (7, 26, 10), "a limit is a share, a count or both", "10%"),
    ("limit of no share", PULL + 'policy: {max_delete: "0%"}', (7, 26, 4), "above 0%", "write 0"),
    ("neither", "direction: pull\noutputs: [x/**]", (3, 3, 3), "names neither `entrypoint` nor `remote`", ""),
    ("both", PULL + "remote: {type: git, url: 'https://x.y/z'}", (7, 5, 6), "exclude each other", "keep one"),
    ("no direction", "entrypoint: a.sh", (3, 3, 3), "`one` has no `direction`, and `defaults` has none", ""),
    ("pull without outputs", "direction: pull\nentrypoint: a.sh", (3, 3, 3), "pulls, but names no `outputs`", ""),
    ("inputs of a pull", PULL + "inputs: [a]", (7, 5, 6), "a pull target has no `inputs`", "has `outputs`"),
    (
        "outputs of a push",
        "direction: push\nentrypoint: a.sh\noutputs: [x/**]",
        (6, 5, 7),
        "a push target has no `outputs`",
        "",
    ),
    ("args without program", GIT + "args: [x]", (9, 5, 4), "`args` is for an `entrypoint`", ""),
    (
        "absolute output",
        "direction: pull\nentrypoint: a.sh\noutputs: [/etc/**]",
        (6, 15, 7),
        "relative to the repository",
        "",
    ),
    ("home output", "direction: pull\nentrypoint: a.sh\noutputs: [~/x]", (6, 15, 3), "relative to the repository", ""),
    (
        "T16 leaving",
        "direction: pull\nentrypoint: a.sh\noutputs: [a/../../x]",
        (6, 15, 9),
        "must not leave the repository",
        "",
    ),
    ("T16 git", "direction: pull\nentrypoint: a.sh\noutputs: [.GIT/hooks/**]", (6, 15, 13), "belongs to git alone", ""),
    (
        "T16 nested git",
        "direction: pull\nentrypoint: a.sh\noutputs: [a/.git/x]",
        (6, 15, 8),
        "belongs to git alone",
        "",
    ),
    (
        "T16 workflows",
        "direction: pull\nentrypoint: a.sh\noutputs: ['.github/workflows/**']",
        (6, 15, 22),
        "no target may write",
        "allow_protected",
    ),
    (
        "T16 one workflow",
        "direction: pull\nentrypoint: a.sh\noutputs: [.github/Workflows/x.yml]",
        (6, 15, 23),
        "no target may write",
        "",
    ),
    (
        "T16 all of CI",
        "direction: pull\nentrypoint: a.sh\noutputs: ['.github/**']",
        (6, 15, 12),
        "takes in .github/workflows",
        "",
    ),
    ("T16 everything", "direction: pull\nentrypoint: a.sh\noutputs: ['**']", (6, 15, 4), "takes in sync.yaml", ""),
    ("T16 this file", "direction: pull\nentrypoint: a.sh\noutputs: [sync.yaml]", (6, 15, 9), "takes in sync.yaml", ""),
    ("T16 the lock", "direction: pull\nentrypoint: a.sh\noutputs: [sync.lock]", (6, 15, 9), "takes in sync.lock", ""),
    ("backslash", "direction: pull\nentrypoint: a.sh\noutputs: ['a\\b']", (6, 15, 5), "forward slashes", "a/b"),
    ("dot", "direction: pull\nentrypoint: a.sh\noutputs: [./a]", (6, 15, 3), "no `.` and no empty part", "a"),
    ("control", 'direction: pull\nentrypoint: a.sh\noutputs: ["a\\nb"]', (6, 15, 6), "control characters", ""),
    ("T14 option", "direction: pull\noutputs: [x]\nentrypoint: --help", (6, 17, 6), "must not begin with a dash", ""),
    (
        "T13 shell line",
        "direction: pull\noutputs: [x]\nentrypoint: a.sh --fast",
        (6, 17, 11),
        "an entrypoint is a path alone",
        "`args`",
    ),
    (
        "program elsewhere",
        "direction: pull\noutputs: [x]\nentrypoint: ../a.sh",
        (6, 17, 7),
        "must not leave the repository",
        "",
    ),
    (
        "absolute program",
        "direction: pull\noutputs: [x]\nentrypoint: /bin/sh",
        (6, 17, 7),
        "relative to the repository",
        "",
    ),
    (
        "variable with value",
        PULL + "env: [A=b]",
        (7, 11, 3),
        "'A=b' is no name of an environment variable",
        "the name alone",
    ),
    ("env_vars of no list", PULL + "config: {env_vars: X}", (7, 24, 1), "`env_vars` must be a list of names", ""),
    ("env_vars of no name", PULL + "config: {env_vars: [$X]}", (7, 25, 2), "'$X' is no name", ""),
    ("verification of nothing", PULL + "verification: {expected_min: 1}", (7, 5, 12), "`command` is missing", ""),
    ("bounds", PULL + "verification: {command: x, expected_min: 5, expected_max: 1}", (7, 46, 1), "can never pass", ""),
    ("exit status", PULL + "verification: {command: x, expected_exit_code: 256}", (7, 52, 3), "at most 255", ""),
    ("commit message", PULL + 'git_commit_message: "a\\nb"', (7, 25, 6), "one line of text", ""),
    ("needs itself", PULL + "needs: [one]", (7, 13, 3), "`one` needs itself", ""),
    ("needs a typo", PULL + "needs: [onee]", (7, 13, 4), "needs `onee`, which is no target", "there are: one"),
    (
        "endpoint",
        "direction: pull\noutputs: [x]\nremote: {type: gti}",
        (6, 20, 3),
        "'gti' is no type of remote, did you mean git?",
        "",
    ),
    (
        "endpoint command",
        "direction: pull\noutputs: [x]\nremote: {type: command}",
        (6, 20, 7),
        "no type of remote",
        "`entrypoint`",
    ),
    ("no type", "direction: pull\noutputs: [x]\nremote: {url: x}", (6, 5, 6), "`type` is missing", "one of"),
    ("option of an endpoint", GIT + "  reff: x", (9, 7, 4), "unknown key `reff`, did you mean `ref`?", ""),
    ("version as number", GIT + "  ref: 18.0", (9, 12, 4), "`ref` must be text", 'ref: "18.0"'),
    ("together", GIT + "  names: [a, b]\n  into: x", (8, 7, 3), "with several names `url` needs {name}", ""),
    (
        "direction of an endpoint",
        GIT.replace("pull", "push").replace("outputs", "inputs"),
        (4, 16, 4),
        "must be pull",
        "",
    ),
    ("T06 credentials", GIT.replace("https://", "https://u:hunter2@"), (8, 12, 0), "", ""),
    (
        "malformed variable",
        PULL + 'description: x\ntimezone: "${A:?}"',
        (8, 15, 8),
        "${A:?} is not understood",
        "${NAME:-default}",
    ),
]


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"), [row[1:] for row in IN_A_TARGET], ids=[row[0] for row in IN_A_TARGET]
)
def test_in_a_target(text: str, place: tuple[int, int, int], message: str, hint: str) -> None:
    [problem] = target_problems(text)
    line, column, width = place
    assert (problem.line, problem.column) == (line, column)
    assert problem.width == (width or problem.width)
    assert message in problem.message
    assert hint in problem.hint
    assert "hunter2" not in repr(problem)


TWO = (
    "targets:\n  a: {direction: pull, entrypoint: a.sh, outputs: [docs/**]}\n  b: {direction: pull, entrypoint: b.sh, "
)
IN_THE_FILE = [
    ("empty", "", (1, 1), "the file is empty", "dsync init"),
    ("only a comment", "# nothing\n", (1, 1), "the file is empty", ""),
    ("a list", "- a\n", (1, 1), "must be a mapping", ""),
    ("float version", "version: 1.0\n" + TWO + "outputs: [x]}\n", (1, 10), "`version` must be text", 'version: "1.0"'),
    ("unknown version", 'version: "2.0"\n' + TWO + "outputs: [x]}\n", (1, 10), "'2.0' is not known", 'version: "1.0"'),
    ("no targets", HEAD, (1, 1), "`targets` is missing", ""),
    ("targets of nobody", HEAD + "targets: {}\n", (2, 1), "`targets` is empty", "at least one"),
    (
        "name",
        HEAD + 'targets:\n  "a b": {direction: pull, entrypoint: a.sh, outputs: [x]}\n',
        (3, 3),
        "'a b' is no name for a target",
        "",
    ),
    (
        "long name",
        HEAD + f"targets:\n  {'a' * 65}: {{direction: pull, entrypoint: a.sh, outputs: [x]}}\n",
        (3, 3),
        "too long: at most 64",
        "",
    ),
    ("F91 twice", HEAD + TWO + "outputs: [x]}\n  a: {}\n", (5, 3), "the key `a` is written twice, first in line 3", ""),
    (
        "P39 overlap",
        HEAD + TWO + "outputs: [docs/x/*.json]}\n",
        (4, 52),
        "`docs/x/*.json` of `b` overlaps `docs/**` of `a` (line 3)",
        "",
    ),
    (
        "misplaced",
        HEAD + TWO + "outputs: [x]}\npre_sync_checks: []\n",
        (5, 1),
        "unknown key `pre_sync_checks`",
        "under `safety`",
    ),
    ("section", HEAD + TWO + "outputs: [x]}\nsaftey: {}\n", (5, 1), "did you mean `safety`?", ""),
    (
        "gate of nobody",
        HEAD + TWO + "outputs: [x]}\nsafety:\n  drift_gates: [{name: g, command: x, targets: [c]}]\n",
        (6, 49),
        "`c` matches no target",
        "",
    ),
    (
        "gate bounds",
        HEAD + TWO + "outputs: [x]}\nsafety:\n  drift_gates: [{name: g, command: x, min_value: 2, max_value: 1}]\n",
        (6, 50),
        "can never pass",
        "",
    ),
    (
        "T26 look-ahead",
        HEAD + TWO + "outputs: [x]}\nsafety:\n  secret_patterns: ['(?=x)y']\n",
        (6, 21),
        "cannot be used",
        "",
    ),
    (
        "T26 back-reference",
        HEAD + TWO + "outputs: [x]}\nsafety:\n  secret_patterns: ['(a)\\1']\n",
        (6, 21),
        "cannot be used",
        "",
    ),
    ("empty pattern", HEAD + TWO + "outputs: [x]}\nsafety:\n  secret_patterns: ['']\n", (6, 21), "empty", ""),
    ("size", HEAD + TWO + "outputs: [x]}\nsafety: {max_file_bytes: 1 meg}\n", (5, 26), "is no size", ""),
    (
        "date",
        HEAD + TWO + "outputs: [x]}\nsafety:\n  allowed_secrets: [{fingerprint: abcd12, reason: x, expires: soon}]\n",
        (6, 63),
        "YYYY-MM-DD",
        "",
    ),
    ("variable of all", HEAD + "defaults: {timezone: $ZONE}\n" + TWO + "outputs: [x]}\n", (2, 22), "", ""),
]


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"), [row[1:] for row in IN_THE_FILE], ids=[row[0] for row in IN_THE_FILE]
)
def test_in_the_file(text: str, place: tuple[int, int], message: str, hint: str) -> None:
    [problem] = problems(text)
    assert (problem.line, problem.column) == place
    assert message in problem.message
    assert hint in problem.hint
    assert problem.source == text.split("\n")[problem.line - 1]


def test_f95_a_cycle_is_told_with_its_path() -> None:
    text = (
        HEAD
        + "targets:\n"
        + "".join(
            f"  {name}: {{direction: pull, entrypoint: a.sh, outputs: [{name}], needs: [{need}]}}\n"
            for name, need in (("a", "c"), ("b", "a"), ("c", "b"), ("d", "a"))
        )
    )
    [problem] = problems(text)
    assert problem.message == "the needs form a cycle: a -> c -> b -> a"
    assert problem.line == 4


def test_all_mistakes_at_once_in_the_order_of_the_file() -> None:
    found = problems(
        HEAD
        + "defaults: {direction: both}\ntargets:\n"
        + "  a: {direcion: pull, entrypoint: -a, outputs: [/x], needs: [b, zz], env: [1x]}\n"
        + "  b: {direction: pull, remote: {type: gti}, outputs: [y, .git/x], schedule: '@daily'}\n"
        + "safety: {pre_sync_checks: [{name: n}], drift_gates: [{name: g, command: c, targets: [q]}]}\n"
    )
    assert [(p.line, p.column) for p in found] == sorted((p.line, p.column) for p in found)
    assert [p.line for p in found] == [2, 4, 4, 4, 4, 4, 5, 5, 5, 6, 6]


def test_a_typo_of_a_required_key_is_one_mistake() -> None:
    [problem] = target_problems(PULL + "verification: {comand: x}")
    assert problem.message == "unknown key `comand`, did you mean `command`?"


def test_p10_no_secret_in_a_problem() -> None:
    text = "direction: pull\noutputs: [x]\nremote: {type: git, url: $API_TOKEN}"
    [problem] = target_problems(text, {"API_TOKEN": "s3cr3t-value"})
    assert "s3cr3t-value" not in repr(problem)

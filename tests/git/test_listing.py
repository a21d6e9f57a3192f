"""What lies in given folders, as git itself says it."""

from __future__ import annotations

from contextlib import closing

from tests.project import Project

from directional_sync.git.listing import listing
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository


def test_only_the_folders_asked_for_with_modes(project: Project) -> None:
    project.write("a.txt", "1")
    project.write("x/y/deep.sh", "1", mode=0o755)
    project.write("x/y/z/more", "1")
    project.write("other/f", "1")
    project.commit()
    repository = Repository.open(project.root)
    with closing(ObjectStore(repository, repository.cache / "q")) as store:
        found = listing(store, store.tree_of(repository.head), ["", "x/y", "gone", "a.txt", "x/nothing/there"])
    assert found == {
        "": {"a.txt": "100644", "other": "040000", "x": "040000"},
        "x/y": {"deep.sh": "100755", "z": "040000"},
    }

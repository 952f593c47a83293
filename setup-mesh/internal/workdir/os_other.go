//go:build !unix

package workdir

import (
	"io/fs"
	"os"
)

// Without Unix there are no modes and owners to judge: the work directory is as
// safe as the access list that it inherits.

const openFlags = 0

func worldWritable(fs.FileInfo) bool { return false }

func checkPrivate(string, fs.FileInfo) error { return nil }

func tryLock(*os.File) (held bool, err error) { return false, nil }

func noLinks(err error) bool { return err != nil }

func syncDir(*os.Root, string) error { return nil }

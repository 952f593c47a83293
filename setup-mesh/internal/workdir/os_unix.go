//go:build unix

package workdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags keep an open from following a link, and from waiting on a pipe, that
// took the place of a file after it was looked at.
const openFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK

// worldWritable says whether everybody may change a directory.
func worldWritable(info fs.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }

// checkPrivate says why a file is not the user's alone.
func checkPrivate(name string, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return wrong(name, fmt.Sprintf("belongs to user %d, not to you (user %d)", st.Uid, os.Geteuid()),
			fmt.Sprintf("chown %d %s, once you know why", os.Geteuid(), name))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return wrong(name, fmt.Sprintf("can be used by others: its mode is %04o, not 0600", mode),
			"chmod 600 "+name+", and think about who may have read it")
	}
	return nil
}

// tryLock locks an open directory, or says that somebody else holds the lock.
func tryLock(d *os.File) (held bool, err error) {
	for {
		switch err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return true, nil
		case errors.Is(err, unix.EBADF), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOLCK),
			errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
			return false, nil // this file system has no locks for directories; NFS wants a file open for writing
		default:
			return false, err
		}
	}
}

// noLinks says whether a hard link was refused because the file system has none.
func noLinks(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EMLINK)
}

// syncDir makes the names in a directory last.
func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: it cannot be synced
		return err
	}
	return nil
}

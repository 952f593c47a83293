package proc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test program be a guard, as the lab's program can be.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == GuardCommand {
		os.Exit(Guard(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func TestGuardEndsTheProgramWithItsOwner(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	cmd := exec.Command("sh", "-c", "echo $$ > "+pidFile+".new && mv "+pidFile+".new "+pidFile+" && exec sleep 600")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, err = exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	release, err := guarded(cmd, self)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the program starts", func() error { _, err := os.Stat(pidFile); return err })
	release() // what the kernel does when the owner dies
	_ = cmd.Wait()
	eventually(t, "its process group is gone", func() error {
		if err := syscall.Kill(-cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
			return errors.New("it is there")
		}
		return nil
	})
}

func TestProcessTellsItsLastWords(t *testing.T) {
	s := NewSpawner()
	log := filepath.Join(t.TempDir(), "log")
	p, err := s.Start(Spec{Name: "it", Path: "/bin/sh", Args: []string{"-c", "echo flag provided but not defined; exit 2"}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Until(t.Context(), time.Hour, func(context.Context) error { return errors.New("not ready") })
	if err == nil || !strings.Contains(err.Error(), "it ended (exit status 2): flag provided but not defined") {
		t.Errorf("Until = %v", err)
	}
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	s := NewSpawner()
	log := filepath.Join(t.TempDir(), "log")
	p, err := s.Start(Spec{Name: "it", Path: "/bin/sh", Args: []string{"-c", "trap '' TERM; echo deaf; while :; do sleep 60; done"},
		Env: os.Environ(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process does not hear", func() error {
		b, err := os.ReadFile(log)
		if err == nil && !strings.Contains(string(b), "deaf") {
			err = errors.New("not yet")
		}
		return err
	})
	p.Stop(10 * time.Millisecond)
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("Err = %v", err)
	}
}

func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// The toolchain that `examples/build go` uses: the tests build with the same one everywhere.
module example.org/toolchain

go 1.19

require golang.org/toolchain v0.0.1-go1.26.8.linux-amd64

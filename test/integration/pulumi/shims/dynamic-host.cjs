// The engine's host of dynamic resources: that of the program's own @pulumi/pulumi.
require('@pulumi/pulumi/cmd/dynamic-provider');

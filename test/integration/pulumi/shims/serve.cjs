// A gRPC server on a free port of this machine; its port on standard output is all that the engine waits for.
const grpc = require('@grpc/grpc-js');

const options = { 'grpc.max_receive_message_length': 400 * 1024 * 1024 };

/** Serves the methods of one service of the engine's protocol. */
function serve(service, methods) {
  const server = new grpc.Server(options);
  server.addService(service, methods);
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });
}

module.exports = { grpc, serve };

// Loaded before a program: registries of the stand-in cloud give tokens to everybody, and nobody else is there.
globalThis.fetch = async (url) => {
  if (!/^https:\/\/[a-z0-9]+\.azurecr\.io\/oauth2\/exchange$/.test(url)) throw new Error(`nobody is at ${url}`);
  return new Response(JSON.stringify({ refresh_token: `token-of-registry-${Date.now()}` }));
};

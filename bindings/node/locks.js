const { Context } = require('locksync');

async function main() {
    const context = new Context({
        personalKey: process.env.LOCKSYNC_PERSONAL_KEY,
        baseUrl: process.env.LOCKSYNC_BASE_URL, // undefined: the service
    });
    try {
        for (const lock of await context.fetch())
            console.log(lock.id, lock.stateName, lock.isConnected ? '' : 'out of reach');
    } catch (error) {
        console.error(`${error.message} (${error.code}, retry after ${error.retryAfterMs} ms)`);
        process.exitCode = 1;
    }
    context.close();
}

main();

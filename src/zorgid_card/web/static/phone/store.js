// Where the phone's IDs lie: IndexedDB, which keeps a key that is not given out as it is.

const DATABASE = "zorgid-phone";
const IDS = "ids";

const ended = (request) =>
  new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });

const committed = (transaction) =>
  new Promise((done, failed) => {
    transaction.oncomplete = () => done();
    transaction.onabort = () => failed(transaction.error);
  });

/** Opens the store; throws what IndexedDB throws where the browser keeps nothing. */
export async function openStore() {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(IDS, { keyPath: "phone" });
  return new Store(await ended(opening));
}

class Store {
  #database;

  constructor(database) {
    this.#database = database;
  }

  all() {
    return ended(this.#database.transaction(IDS).objectStore(IDS).getAll());
  }

  /** Adds an ID; it is on the disk when this is done. */
  add(record) {
    return this.#write((ids) => ids.add(record));
  }

  /** Changes what is known of an ID, unless it was removed meanwhile, in another window. */
  change(phone, fields) {
    return this.#write(async (ids) => {
      const found = await ended(ids.get(phone));
      if (found) ids.put({ ...found, ...fields });
    });
  }

  remove(phone) {
    return this.#write((ids) => ids.delete(phone));
  }

  async #write(work) {
    const transaction = this.#database.transaction(IDS, "readwrite", { durability: "strict" });
    const done = committed(transaction);
    await Promise.all([work(transaction.objectStore(IDS)), done]);
  }
}
